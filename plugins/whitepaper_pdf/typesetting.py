# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes one whitepaper's PDF, and makes it again only when something that it is made of has changed.

The PDF lies in a private folder, as {slug}/{edition}.pdf; beside it {edition}.json remembers what it was made
of. Typst works in a folder of its own that holds the design and the paper's pictures and nothing else. The
same inputs give the same bytes: the time in the file is the paper's date, and no font of the machine is used.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typst

from plugins.front_matter.header import Header, read_header
from plugins.languages import month
from plugins.mistakes import ContentMistakes, Mistake, shown_path
from plugins.whitepaper_pdf.glyphs import FONTS, unknown_characters
from plugins.whitepaper_pdf.markdown_to_typst import read_paper
from plugins.whitepaper_pdf.reading import Paper
from plugins.whitepapers import Whitepaper

DESIGN = Path(__file__).parent / "paper.typ"
SHOWN_FIELDS = ("title", "summary", "author")
MOST_HEADINGS_ON_A_PAGE = 46  # with more of them, the table of contents shows the chapters alone


@dataclass(frozen=True)
class MadePdf:
    """Where a whitepaper's PDF is, how many pages it has, and whether it was made just now."""

    path: Path
    page_count: int
    is_new: bool


def make_pdf(whitepaper: Whitepaper, folder: Path, content: Path, company: str) -> MadePdf:
    """Make a whitepaper's PDF in `folder` unless it is there already; raise the author's mistakes."""
    header = read_header(whitepaper.source_path)
    paper = read_paper(header, content)
    mistakes = [*paper.mistakes, *unshown_characters(header)]
    if mistakes:
        raise ContentMistakes(mistakes)
    inputs = template_inputs(whitepaper, paper, company)
    fingerprint = fingerprint_of(inputs, paper)
    path = folder / whitepaper.slug / f"{whitepaper.edition}.pdf"
    record = path.with_suffix(".json")
    page_count = recorded_page_count(path, record, fingerprint)
    if page_count:
        return MadePdf(path, page_count, is_new=False)
    pdf, page_count = compile_pdf(whitepaper, inputs, paper)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, pdf)
    facts = {"inputs": fingerprint, "pdf": sha256(pdf).hexdigest(), "page_count": page_count}
    write_whole(record, json.dumps(facts).encode())
    return MadePdf(path, page_count, is_new=True)


def unshown_characters(header: Header) -> list[Mistake]:
    """Return a mistake for each line with characters that the PDF cannot show."""
    fields = [(header.line(name), header.text(name)) for name in SHOWN_FIELDS]
    return [
        Mistake(header.path, first + number - 1, f"The PDF's fonts have no {named}. Write it otherwise.")
        for first, text in [*fields, (header.body_line, header.body)]
        for number, named in unknown_characters(text)
    ]


def template_inputs(whitepaper: Whitepaper, paper: Paper, company: str) -> str:
    """Return what paper.typ reads, as JSON."""
    language, _, region = whitepaper.language.partition("-")
    date = whitepaper.date
    facts: dict[str, Any] = {
        "title": whitepaper.title,
        "summary": whitepaper.summary,
        "author": whitepaper.author,
        "company": company,
        "edition": whitepaper.edition,
        "language": language.lower(),
        "region": region.upper() if len(region) == 2 else None,
        "date": [date.year, date.month, date.day],
        "month": month(date, whitepaper.language),
        "keywords": [company, whitepaper.title, *paper.chapters],
        "contents_depth": 2 if paper.headings <= MOST_HEADINGS_ON_A_PAGE else 1,
        "blocks": paper.blocks,
    }
    return json.dumps(facts, ensure_ascii=False, sort_keys=True)


def fingerprint_of(inputs: str, paper: Paper) -> str:
    """Return a hash of everything that the PDF is made of, the program that makes it included."""
    files = [DESIGN, *sorted(FONTS.glob("*.ttf")), *(picture.path for picture in paper.pictures.values())]
    parts = [version("typst").encode(), inputs.encode(), *(file.read_bytes() for file in files)]
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()


def recorded_page_count(path: Path, record: Path, fingerprint: str) -> int | None:
    """Return the number of pages of a PDF made of just these inputs, or None where it must be made."""
    try:
        facts = json.loads(record.read_bytes())
        is_whole = facts["pdf"] == sha256(path.read_bytes()).hexdigest()
        return int(facts["page_count"]) if is_whole and facts["inputs"] == fingerprint else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def compile_pdf(whitepaper: Whitepaper, inputs: str, paper: Paper) -> tuple[bytes, int]:
    """Return the PDF (PDF/UA-1: tagged, with an outline) and its number of pages."""
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(DESIGN, Path(folder, DESIGN.name))
        for name, picture in paper.pictures.items():
            shutil.copyfile(picture.path, Path(folder, name))
        try:
            compiler = typst.Compiler(
                Path(folder, DESIGN.name),
                root=folder,
                font_paths=fonts,
                ignore_system_fonts=True,
                sys_inputs={"paper": inputs},
                package_path=folder,
                package_cache_path=folder,
            )
            pdf = compiler.compile(
                format="pdf", pdf_standards=["ua-1"], timestamp=int(whitepaper.date.timestamp())
            )
            pages = compiler.query("<last-page>", field="value", one=True)
        except typst.TypstError as error:
            mistakes = [*broken_pictures(whitepaper, paper, folder), *accessibility_mistakes(whitepaper, error)]
            if mistakes:
                raise ContentMistakes(mistakes) from error
            raise  # the design's mistake, not the author's
    assert isinstance(pdf, bytes)  # without an output file typst returns the bytes
    return pdf, int(pages)


def broken_pictures(whitepaper: Whitepaper, paper: Paper, folder: str) -> Iterator[Mistake]:
    """Yield a mistake for each picture that cannot be read; Typst says only that there is one."""
    for name, picture in paper.pictures.items():
        try:
            probe = typst.Compiler(b"#image(sys.inputs.name)", folder, ignore_system_fonts=True)
            probe.compile(format="pdf", sys_inputs={"name": name})
        except typst.TypstError as error:
            text = f"The picture {picture.path.name} cannot be read: {error.message}. Save it again."
            yield Mistake(shown_path(whitepaper.source_path), picture.line, text)


def accessibility_mistakes(whitepaper: Whitepaper, error: typst.TypstError) -> Iterator[Mistake]:
    """Yield what keeps the PDF from being readable for everyone (PDF/UA-1) and was not seen earlier."""
    if error.message.startswith("PDF/UA-1 error: "):
        reason = error.message.removeprefix("PDF/UA-1 error: ").rstrip(".")
        text = f"Not everyone could read the PDF: {reason}."
        yield Mistake(shown_path(whitepaper.source_path), 1, text)


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in its place at once, so that nobody ever reads half of it."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
