# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads a content file's header with the line of every field, which Pelican's readers throw away.

Two kinds of header are in use: YAML between `---` lines, and Pelican's classic `Title: ...` lines. The
borders are those of the readers that build the page, so that both see the same header.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from plugins.front_matter.yaml_slips import dropped_words, what_happened
from plugins.mistakes import Mistake, shown_path

YAML_HEADER = re.compile(r"\s*^---$(?P<header>.+?)^(?:---|\.\.\.)$(?P<body>.*)", re.MULTILINE | re.DOTALL)
CLASSIC_FIELD = re.compile(r"[ ]{0,3}(?P<key>[A-Za-z0-9_-]+):\s*(?P<value>.*)")
CLASSIC_MORE = re.compile(r"[ ]{4,}(?P<value>.*)")
ENDINGS = ("md", "markdown", "mkd", "mdown")  # those of Pelican's reader
CONFLICT_MARK = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)

# libyaml, where PyYAML has it, reads ten times faster.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Field:
    """One field: its value as YAML reads it, as it was typed where it is a single one, and its line; of a mapping
    also the lines of its names."""

    value: Any
    typed: str
    line: int
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Header:
    """A file's fields by lower-case name, its body, and the line the body starts on."""

    path: str
    classic: bool = False
    fields: dict[str, Field] = field(default_factory=dict)
    body: str = ""
    body_line: int = 1
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, line: int, text: str) -> None:
        """Note a mistake in this file."""
        self.mistakes.append(Mistake(self.path, line, text))

    def odd(self, line: int, text: str) -> None:
        """Note a warning in this file."""
        self.mistakes.append(Mistake(self.path, line, text, warning=True))

    @property
    def broken(self) -> bool:
        """Whether there is an error in this file, and not only warnings."""
        return any(not mistake.warning for mistake in self.mistakes)

    def text(self, name: str) -> str:
        """Return a field's value as text, "" where it is absent."""
        found = self.fields.get(name)
        return "" if found is None or found.value is None else str(found.value).strip()

    def line(self, name: str) -> int:
        """Return the line of a field, 1 where it is absent."""
        return self.fields[name].line if name in self.fields else 1


def read_folder(folder: Path) -> list[Header]:
    """Read the headers of all Markdown files below a folder, in the order of their names; none without folder."""
    paths = (path for ending in ENDINGS for path in folder.rglob(f"*.{ending}"))
    left_behind = (".", "#")  # by systems and editors
    shown = (path for path in paths if not any(p.startswith(left_behind) for p in path.relative_to(folder).parts))
    return [read_header(str(path)) for path in sorted(shown)]


def line_of(text: str | bytes, position: int) -> int:
    """Return the line, from 1, of a position in a text."""
    return (text.count("\n", 0, position) if isinstance(text, str) else text.count(b"\n", 0, position)) + 1


def read_header(path: str) -> Header:
    """Read one file; whatever keeps its header from being read is in the answer's `mistakes`."""
    header = Header(shown_path(path))
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        what = "is a link that leads to no file" if Path(path).is_symlink() else "cannot be read"
        header.wrong(1, f"The file {what}: {error.strerror}. Mend that, or take it away.")
        return header
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        header.wrong(line_of(data, error.start), "This is not UTF-8 text. Save the file with the encoding UTF-8.")
        return header
    if "\0" in text:
        told = "There is a NUL character in this line. Delete it, or save the file again as plain text."
        header.wrong(line_of(text, text.index("\0")), told)
        return header
    if not text.strip():
        header.wrong(1, "The file is empty. Write a header with a title, or delete the file.")
        return header
    conflict = CONFLICT_MARK.search(text)
    if conflict:
        header.wrong(
            line_of(text, conflict.start()),
            "A merge conflict was left here. Keep one of the two versions and delete the lines with "
            "<<<<<<<, ======= and >>>>>>>.",
        )
        return header
    found = YAML_HEADER.fullmatch(text)
    if found:
        header.body, header.body_line = found["body"], line_of(text, found.start("body"))
        read_yaml(header, found["header"], line_of(text, found.start("header")))
    elif text.lstrip().startswith("---"):
        header.wrong(
            line_of(text, text.index("---")),
            "The header is opened and not closed. Put a line that is exactly --- (no spaces) before and after it.",
        )
    else:
        read_classic(header, text)
    return header


def read_yaml(header: Header, text: str, first_line: int) -> None:
    """Read YAML fields into `header`; `first_line` is the file's line the YAML text starts on."""
    try:
        # libyaml takes tabs that the reader of the pages, which is PyYAML, does not
        document = yaml.compose(text, Loader=yaml.SafeLoader if "\t" in text else LOADER)
    except yaml.MarkedYAMLError as error:
        line, told = what_happened(text, error)
        header.wrong(first_line + line, told)
        return
    except yaml.YAMLError as error:
        header.wrong(first_line, f"The header is not valid YAML: {str(error).splitlines()[0]}.")
        return
    if not isinstance(document, yaml.MappingNode):
        header.wrong(first_line, 'The header is not a list of fields. Write one "name: value" on each line.')
        return
    for key, node in document.value:
        line = first_line + key.start_mark.line
        name = str(key.value).lower() if isinstance(key, yaml.ScalarNode) else "?"
        if name in header.fields:
            header.wrong(line, f"{name} stands here and in line {header.fields[name].line}. Keep one of the two.")
            continue
        typed = node.value if isinstance(node, yaml.ScalarNode) else ""
        header.fields[name] = Field(value_of(node), typed, line, lines_in(node, first_line))
    for line, kept, whole in dropped_words(text, document):
        header.wrong(
            first_line + line,
            f'YAML takes what follows a # for a comment and would read "{kept}". Put the value in double quotes: '
            f'"{whole}". A comment goes on a line of its own.',
        )


def lines_in(node: yaml.Node, first_line: int) -> dict[str, int]:
    """Return the lines of the names in a mapping, none for any other value."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key.value): first_line + key.start_mark.line for key, _ in pairs}


def value_of(node: yaml.Node) -> Any:
    """Return a node's value; one that cannot be made (February 30th) stays as it was typed."""
    try:
        return yaml.constructor.SafeConstructor().construct_document(node)
    except (ValueError, yaml.YAMLError):
        return node.value if isinstance(node.value, str) else None


def read_classic(header: Header, text: str) -> None:
    """Read `Name: value` lines into `header`, up to the first line that is none."""
    header.classic = True
    lines = text.split("\n")
    name, end = "", 0
    for number, line in enumerate(lines, 1):
        start, more = CLASSIC_FIELD.match(line), CLASSIC_MORE.match(line)
        if start:
            name = start["key"].lower()
            if name in header.fields:
                header.wrong(
                    number, f"{name} stands here and in line {header.fields[name].line}. Keep one of the two."
                )
            else:
                header.fields[name] = Field(start["value"].strip(), start["value"].strip(), number)
        elif more and name:
            before = header.fields[name]
            joined = f"{before.typed} {more['value'].strip()}".strip()
            header.fields[name] = Field(joined, joined, before.line)
        else:
            break
        end = number
    header.body, header.body_line = "\n".join(lines[end:]), end + 1
    if not header.fields:
        header.wrong(
            1, "The file has no header. Begin it with a line ---, then title: and date:, then a line ---."
        )
