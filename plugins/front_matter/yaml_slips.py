# SPDX-License-Identifier: AGPL-3.0-or-later
"""Says what an author did where YAML says what its parser met.

The parser tells where it could not go on, which for a quote that was never closed is lines later; and what it
takes for a comment it drops without a word.
"""

import re
from collections.abc import Iterator

import yaml

OPENED = re.compile(r"""\s*(?:-[ ]+|[\w-]+:[ ]+)*(?P<quote>["'])(?P<rest>.*)""")
ESCAPED = {'"': re.compile(r"\\."), "'": re.compile("''")}
PAIRS = {"sequence": "[", "mapping": "{"}
NO_VALUE = "A value that holds a colon, a # or a quote must stand in double quotes."


def what_happened(text: str, error: yaml.MarkedYAMLError) -> tuple[int, str]:
    """Return the line, from 0, and the sentence for a header that YAML cannot read."""
    lines = text.split("\n")
    met = error.problem_mark.line if error.problem_mark else 0
    for number, line in enumerate(lines[: met + 1]):
        opened = unclosed_quote(line)
        if opened:
            return number, f"A value opens with {opened} and never closes it. Put another {opened} at its end."
    if error.context and error.context.startswith("while parsing a flow") and error.context_mark:
        sign = next((PAIRS[kind] for kind in PAIRS if kind in error.context), "[")
        told = f"A value opens with {sign} and is not closed on its line. Write it like tags: [trust, feedback]."
        return error.context_mark.line, told
    if met < len(lines) and "\t" in lines[met]:
        return met, "There is a tab in the line. Use spaces, not tabs."
    return met, f"The header is not valid YAML: {error.problem}. {NO_VALUE}"


def unclosed_quote(line: str) -> str:
    """Return the quote that a line's value opens and does not close, "" where there is none."""
    opened = OPENED.fullmatch(line)
    if opened is None:
        return ""
    quote = opened["quote"]
    return "" if quote in ESCAPED[quote].sub("", opened["rest"]) else quote


def dropped_words(text: str, node: yaml.Node) -> Iterator[tuple[int, str, str]]:
    """Yield line, from 0, value and whole typed value for each value that loses what follows its `#`."""
    lines = text.split("\n")
    for value in values_in(node):
        rest = lines[value.end_mark.line][value.end_mark.column :] if value.end_mark.line < len(lines) else ""
        if not value.style and rest.lstrip().startswith("#") and (rest[0] in " \t" or not value.value):
            yield value.end_mark.line, value.value, f"{value.value}{rest}".strip()


def values_in(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield each single value of a header, those in lists too."""
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from values_in(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from values_in(value)
    elif isinstance(node, yaml.ScalarNode):
        yield node
