"""A Markdown extension that writes down what it converts, in a file that all processes know."""

import os
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

EXTENSION = "counted_markdown:Counting"
VARIABLE = "CONVERTED_TEXTS"


class Counting(Extension):
    """Notes each text by its first line."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Come before all else."""
        md.preprocessors.register(_Note(md), "counted", 1_000)


class _Note(Preprocessor):
    def run(self, lines: list[str]) -> Any:
        first = next((line for line in lines if line.strip()), "")
        with Path(os.environ[VARIABLE]).open("a", encoding="utf-8") as file:
            file.write(f"{first}\n")
        return lines


def converted() -> list[str]:
    """The texts that were converted since this was asked last, sorted; the summaries of small_sites left out."""
    file = Path(os.environ[VARIABLE])
    texts = sorted(file.read_text(encoding="utf-8").splitlines()) if file.exists() else []
    file.unlink(missing_ok=True)
    return [text for text in texts if not text.startswith("About ")]
