# SPDX-License-Identifier: AGPL-3.0-or-later
"""Turns a whitepaper's Markdown into the tree of data that paper.typ lays out.

No Typst source is made of an author's text: the text stays data, so nothing in it can be read as code. What
a page of paper cannot show (raw HTML, a picture without a description, a link into the site) is the author's
mistake and is told with its line; whatever is not a mistake appears in the PDF.
"""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import mistune

from plugins.front_matter.header import Header
from plugins.front_matter.values import did_you_mean
from plugins.whitepaper_pdf.reading import Node, Paper, Picture, Reading, plain_text, target_of

PLUGINS = ["table", "footnotes", "task_lists", "strikethrough", "def_list"]
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
LINKS = ("https://", "http://", "mailto:", "tel:")

SHORT_CELL, WIDEST_SHARE = 20, 48  # letters
MOST_ROWS_KEPT_TOGETHER, MOST_LETTERS_KEPT_TOGETHER = 9, 1500  # well below a page

COMMENT = re.compile(r"\s*(?:<!--.*?-->\s*)+", re.DOTALL)
LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
UNKNOWN_NOTE = re.compile(r"\[\^([^\]\s]+)\]")


def read_paper(header: Header, content: Path) -> Paper:
    """Turn a whitepaper file's body into a tree; `content` is the folder that pictures must lie in."""
    paper = Paper()
    reading = Reading(header, content, paper)
    nodes, state = mistune.create_markdown(renderer=None, plugins=PLUGINS).parse(header.body)
    assert isinstance(nodes, list)  # without a renderer mistune returns its tree
    if nodes and nodes[-1]["type"] == "footnotes":
        reading.notes = {note["attrs"]["key"]: note["children"] for note in nodes.pop()["children"]}
    paper.blocks = blocks(nodes, reading)
    if not paper.blocks:
        reading.wrong(header.body_line, "There is no text. Write it below the header, or make it a draft.")
    for target, line in reading.references:
        if target not in reading.targets:
            hint = did_you_mean(target, reading.targets)
            reading.wrong(line, f'No heading of this whitepaper is called "#{target}".{hint}')
    for key in sorted(set(state.env.get("ref_footnotes") or ()) - reading.noted):
        mark = reading.note_mark(key)
        reading.wrong(
            reading.line(f"{mark}:"), f"Nothing refers to the footnote {mark}. Refer to it or delete it."
        )
    return paper


def blocks(nodes: list[Node], reading: Reading) -> list[Node]:
    """Turn mistune's block nodes into the template's."""
    made = (BLOCKS[node["type"]](node, reading) for node in nodes if node["type"] in BLOCKS)
    return [node for node in made if node is not None]


def inline(nodes: list[Node], reading: Reading) -> list[Node]:
    """Turn mistune's nodes inside a line into the template's."""
    made = (INLINE[node["type"]](node, reading) for node in nodes)
    return [node for node in made if node is not None]


def heading(node: Node, reading: Reading) -> Node:
    """A chapter (##) or a part of one; the title of the paper itself stands in the header."""
    text = plain_text(node["children"])
    line = reading.line("#" * node["attrs"]["level"] + " " + text[:20])
    level = node["attrs"]["level"] - 1
    if level == 0:
        reading.wrong(line, "# is the whitepaper's title, which stands in the header. Begin a chapter with ##.")
        level = 1
    elif level > reading.level + 1:
        marks = "#" * (reading.level + 2)
        reading.wrong(line, f"The heading skips a level. After the one before it, it must begin with {marks}.")
    reading.level = level
    reading.paper.headings += level <= 2
    if level == 1:
        reading.paper.chapters.append(text)
    target = target_of(text) or "part"
    count = reading.targets[target] = reading.targets.get(target, 0) + 1
    name = target if count == 1 else f"{target}-{count}"
    reading.targets.setdefault(name, 1)
    return {"type": "heading", "level": level, "target": name, "children": inline(node["children"], reading)}


def paragraph(node: Node, reading: Reading) -> Node | None:
    """A paragraph; one that is a picture alone is a figure, and one that is a broken table a mistake."""
    children = node["children"]
    if [child["type"] for child in children] == ["image"]:
        return figure(children[0], reading)
    text = plain_text(children)
    if text.startswith("|") and text.count("|") > 1:
        line = reading.line(children[0]["raw"])
        reading.wrong(
            line, "The table cannot be read. Give every row, and the row of dashes, the same number of |."
        )
    made = inline(children, reading)
    return {"type": "paragraph", "children": made} if made else None


def plain(node: Node, reading: Reading) -> Node:
    """The text of an item in a list without blank lines."""
    return {"type": "plain", "children": inline(node["children"], reading)}


def list_of_items(node: Node, reading: Reading) -> Node:
    """A list; tasks ([ ] and [x]) are marked with their boxes."""
    items = node["children"]
    checks = [item["attrs"]["checked"] if item["type"] == "task_list_item" else None for item in items]
    marks = [{True: "☑", False: "☐", None: "•"}[check] for check in checks]
    return {
        "type": "list",
        "tight": node["tight"],
        "ordered": node["attrs"]["ordered"],
        "start": node["attrs"].get("start", 1),
        "nested": node["attrs"]["depth"] > 0,
        "marks": marks if any(check is not None for check in checks) else None,
        "items": [blocks(item["children"], reading) for item in items],
    }


def definitions(node: Node, reading: Reading) -> Node:
    """Terms, each with what it means."""
    items: list[Node] = []
    for child in node["children"]:
        if child["type"] == "def_list_head":
            items.append({"term": inline(child["children"], reading), "blocks": []})
        else:
            meaning = blocks(child["children"], reading)
            apart = [{**block, "type": "paragraph"} if block["type"] == "plain" else block for block in meaning]
            items[-1]["blocks"] += apart if items[-1]["blocks"] else run_in(apart)
    return {"type": "terms", "items": items}


def quote(node: Node, reading: Reading) -> Node:
    """A quotation; a last paragraph that begins with a dash names its source."""
    children = [child for child in node["children"] if child["type"] != "blank_line"]
    source: list[Node] = []
    last: Node = children[-1] if children else {"type": ""}
    if len(children) > 1 and last["type"] == "paragraph" and plain_text(last["children"]).startswith(("—", "--")):
        source = children.pop()["children"]
    body = blocks(children, reading)
    named = inline(source, reading)
    if named and named[0]["type"] == "text":
        named[0]["text"] = named[0]["text"].lstrip("—– ")  # the template sets its own dash
    return {"type": "quote", "blocks": body, "source": named}


def code(node: Node, reading: Reading) -> Node:
    """A block of code, as it is typed."""
    reading.line(node["raw"])
    language = (node.get("attrs") or {}).get("info", "").split(" ")[0]
    return {"type": "code", "text": node["raw"].rstrip("\n"), "lang": language or None}


def table(node: Node, reading: Reading) -> Node:
    """A table; a column of short cells is as wide as they are, and the others share the rest."""
    head, *bodies = node["children"]
    rows = [row["children"] for body in bodies for row in body["children"]]
    columns = zip(head["children"], *rows, strict=True)
    lengths = [[len(plain_text(cell["children"])) for cell in column] for column in columns]

    def cell_of(cell: Node) -> Node:
        return {"align": cell["attrs"]["align"] or "left", "children": inline(cell["children"], reading)}

    return {
        "type": "table",
        "widths": [column_width(cells) for cells in lengths],
        "breakable": len(rows) > MOST_ROWS_KEPT_TOGETHER or sum(map(sum, lengths)) > MOST_LETTERS_KEPT_TOGETHER,
        "head": [cell_of(cell) for cell in head["children"]],
        "rows": [[cell_of(cell) for cell in row] for row in rows],
    }


def column_width(lengths: list[int]) -> int | None:
    """Return a column's share of the width by the lengths of its cells, or None for as much as it needs."""
    if len(lengths) > 1 and not any(lengths[1:]):
        return WIDEST_SHARE  # empty cells are there to be written into
    return None if max(lengths) <= SHORT_CELL else min(max(lengths), WIDEST_SHARE)


def html(node: Node, reading: Reading) -> Node | None:
    """Comments and line breaks are understood; other HTML has no meaning on paper."""
    if LINE_BREAK.fullmatch(node["raw"].strip()):
        return {"type": "break"} if node["type"] == "inline_html" else None
    if not COMMENT.fullmatch(node["raw"]):
        shown = node["raw"].strip().splitlines()[0][:40]
        line = reading.line(node["raw"])
        if not shown.startswith("</"):  # its opening tag has been told
            reading.wrong(line, f"HTML ({shown}) cannot be put on paper. Write it as Markdown.")
    return None


def text(node: Node, reading: Reading) -> Node | None:
    """Words; dashes and dots are set as the site sets them."""
    unknown = UNKNOWN_NOTE.search(node["raw"])
    if unknown:
        line = reading.line(unknown[0])
        reading.wrong(line, f"The footnote {unknown[0]} has no text. Add a line {unknown[0]}: with the note.")
    set_text = unescape(node["raw"]).replace("---", "—").replace("--", "–").replace("...", "…")
    return {"type": "text", "text": set_text} if set_text else None


def wrapped(kind: str) -> Callable[[Node, Reading], Node]:
    """Make the function for a node that wraps others."""
    return lambda node, reading: {"type": kind, "children": inline(node["children"], reading)}


def link(node: Node, reading: Reading) -> Node:
    """A link to a web address, to mail or to a heading of this paper; a PDF has no site around it."""
    url = unescape(node["attrs"]["url"])
    children = inline(node["children"], reading)
    if url.startswith("#"):
        target = unquote(url[1:])
        reading.references.append((target, reading.line(f"(#{target}")))
        return {"type": "reference", "target": target, "children": children}
    if not url.startswith(LINKS):
        reading.wrong(
            reading.line(node["attrs"]["url"]),
            f'The link "{url}" leads nowhere from a PDF. Write the whole address, beginning with https://',
        )
    return {"type": "link", "url": url, "children": children}


def picture(node: Node, reading: Reading) -> Node:
    """A picture with its description; the file must lie in the content folder."""
    url = unquote(unescape(node["attrs"]["url"]))  # mistune writes { as %7B
    line = reading.line(url)
    alt = plain_text(node["children"]).strip()
    if not alt:
        reading.wrong(line, f"The picture {url} has no description. Say what it shows: ![what it shows]({url})")
    in_content = re.sub(r"^(?:\{(?:static|attach|filename)\}|/)/?", "", url)
    folder = reading.content if in_content != url else (Path.cwd() / reading.header.path).parent
    path = (folder / in_content).resolve()
    if "://" in url or not path.is_relative_to(reading.content.resolve()) or not path.is_file():
        reading.wrong(line, f"The picture {url} is not in the content folder. Put it there, or mend the path.")
    elif path.suffix.lower() not in PICTURES:
        reading.wrong(line, f"The picture {url} is of an unknown kind. Use one of {', '.join(PICTURES)}.")
    name = next((n for n, known in reading.paper.pictures.items() if known.path == path), "")
    name = name or f"picture-{len(reading.paper.pictures) + 1}{path.suffix.lower()}"
    reading.paper.pictures.setdefault(name, Picture(path, line))
    return {"type": "image", "path": name, "alt": alt, "caption": unescape(node["attrs"].get("title") or "")}


def figure(node: Node, reading: Reading) -> Node:
    """A picture that stands alone, with its title as caption."""
    return {**picture(node, reading), "type": "figure"}


def footnote(node: Node, reading: Reading) -> Node:
    """A footnote where it is first referred to; later references lead to the same note."""
    key = node["raw"]
    if key in reading.noted:
        return {"type": "footnote-again", "key": key}
    reading.noted.add(key)
    if key not in reading.notes:
        mark = reading.note_mark(key)
        reading.wrong(reading.line(mark), f"The footnote {mark} stands in another one. Put it into the text.")
    return {"type": "footnote", "key": key, "blocks": run_in(blocks(reading.notes.get(key, []), reading))}


def run_in(made: list[Node]) -> list[Node]:
    """Let the first paragraph begin on the line of the number or the term before it."""
    return [{**made[0], "type": "plain"}, *made[1:]] if made and made[0]["type"] == "paragraph" else made


BLOCKS: dict[str, Callable[[Node, Reading], Node | None]] = {
    "heading": heading,
    "paragraph": paragraph,
    "block_text": plain,
    "list": list_of_items,
    "def_list": definitions,
    "block_quote": quote,
    "block_code": code,
    "table": table,
    "thematic_break": lambda node, reading: {"type": "rule"},
    "block_html": html,
}  # blank lines say nothing
INLINE: dict[str, Callable[[Node, Reading], Node | None]] = {
    "text": text,
    "emphasis": wrapped("emphasis"),
    "strong": wrapped("strong"),
    "strikethrough": wrapped("strike"),
    "codespan": lambda node, reading: {"type": "code", "text": node["raw"]},
    "softbreak": lambda node, reading: {"type": "space"},
    "linebreak": lambda node, reading: {"type": "break"},
    "link": link,
    "image": picture,
    "inline_html": html,
    "footnote_ref": footnote,
}
