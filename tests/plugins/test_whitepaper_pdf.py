"""A whitepaper's PDF is complete, readable for everyone, private, and made once."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest
from small_sites import ROOT, MakeSite, post, write_files
from whitepaper_files import AUTHOR, ENGLISH, FIRST_LINE_OF_BODY, whitepaper

from plugins.mistakes import ContentMistakes
from plugins.whitepaper_pdf.glyphs import FONTS, code_points, known_characters
from plugins.whitepaper_pdf.typesetting import MadePdf, make_pdf
from plugins.whitepapers import read_library

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4"/></svg>'
PNG_WITHOUT_DATA = b"\x89PNG\r\n\x1a\n"
EVERYTHING = """## First *things* first

Text with **bold**, *italic*, ***both***, ~~struck~~, `code`, a [link](https://example.com/a?b=c), an
[inner link](#lists), a note[^a], the same note[^a] and a longer one.[^b]<br>A new line.

[^a]: A *short* note.
[^b]: First paragraph.

    Second paragraph.

### Lists

- one
    - nested
- two

3. three
4. four

- [x] done
- [ ] open

Term
: What it means.

#### Quotations

> Seven words that somebody said to us.
>
> -- Bob Baker

```python
print("code block")
```

---

| Left | Center | Right |
|:--|:-:|--:|
| a cell | b | |

![A round dot](../images/dot.svg "The dot")

<!-- not for print -->

## Second chapter

The end.
"""


def make(tmp_path: Path, text: str, settings: dict[str, Any] | None = None, **files: str | bytes) -> MadePdf:
    """Make the PDF of a whitepaper file; `files` are pictures by name."""
    pictures = {f"images/{name}": data for name, data in {"dot.svg": PICTURE, **files}.items()}
    content = tmp_path / "content"
    write_files(content, {**AUTHOR, **pictures, "whitepapers/practice.md": text})
    facts = {"PATH": str(content), "AUTHOR": "Alice Archer", "TIMEZONE": "UTC", "WITH_FUTURE_DATES": False}
    library = read_library({**facts, **ENGLISH, **(settings or {})}, datetime(2024, 6, 1, tzinfo=UTC))
    assert not library.mistakes
    return make_pdf(library.papers[0], tmp_path / "papers", content, "Progress Coaching")


def mistakes(tmp_path: Path, body: str, **files: str | bytes) -> list[str]:
    """Return what an author is told of a body, each as "line of the body: text"."""
    with pytest.raises(ContentMistakes) as raised:
        make(tmp_path, whitepaper(body=body), **files)
    assert {Path(mistake.path).name for mistake in raised.value.mistakes} == {"practice.md"}
    return [f"{m.line - FIRST_LINE_OF_BODY + 1}: {m.text}" for m in raised.value.mistakes]


def titles(outline: list[Any]) -> list[Any]:
    """Return the titles of a PDF's outline, nested as they are."""
    return [titles(entry) if isinstance(entry, list) else entry["/Title"] for entry in outline]


def tags(node: Any) -> set[str]:
    """Return the kinds of all structure elements below one."""
    node = node.get_object()
    if isinstance(node, list):
        return set().union(*map(tags, node))
    if not isinstance(node, dict):
        return set()
    return {str(node.get("/S", ""))} | (tags(node["/K"]) if "/K" in node else set())


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> pypdf.PdfReader:
    """The PDF of a paper that uses all that a paper may use."""
    return pypdf.PdfReader(make(tmp_path_factory.mktemp("paper"), whitepaper(body=EVERYTHING)).path)


def test_all_that_was_written_is_there(everything: pypdf.PdfReader) -> None:
    """Every kind of text is in the PDF, none of its marks are, and no comment is."""
    text = " ".join(" ".join(page.extract_text() for page in everything.pages).split())
    for words in ("First things first", "bold , italic , both , struck , code", "nested", "3. three", "4. four"):
        assert words.replace(" ,", ",") in text.replace(" ,", ",")
    for words in (
        "☑ done",
        "☐ open",
        "What it means.",
        "Seven words",
        "Bob Baker",
        'print("code block")',
        "a cell",
    ):
        assert words in text
    for words in ("A short note.", "First paragraph.", "Second paragraph.", "The dot", "The end."):
        assert text.count(words) == 1
    for mark in ("**", "~~", "`", "[^", "](", "not for print", "| ", "##"):
        assert mark not in text


def test_it_has_a_cover_contents_and_page_numbers(everything: pypdf.PdfReader) -> None:
    """Title, company and edition stand on the cover; the contents lead to the chapters' pages."""
    cover, contents, first = (" ".join(page.extract_text().split()) for page in everything.pages[:3])
    for words in ("Coaching in Practice", "Progress Coaching", "Alice Archer", "Edition 1", "May 2024"):
        assert words in cover
    assert contents.index("Contents") < contents.index("First things first") < contents.index("Second chapter")
    assert len(contents.split("Second chapter")[1].split()) > 0
    assert first.startswith("Coaching in Practice")
    assert first.endswith("Progress Coaching 3")


def test_a_german_paper_is_german(tmp_path: Path) -> None:
    """What the design adds to the text follows the paper's language."""
    settings = {"CONSENT_TEXTS": {"de-1": "Ja."}}
    pdf = make(tmp_path, whitepaper(language="de"), settings=settings)
    cover, contents = (page.extract_text() for page in pypdf.PdfReader(pdf.path).pages[:2])
    assert "Ausgabe 1 · Mai 2024" in cover and "Inhalt" in contents


def test_it_is_readable_for_everyone(everything: pypdf.PdfReader) -> None:
    """It says that it is PDF/UA-1, is tagged in a language, and shows its title."""
    root: Any = everything.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"].value is True
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    assert b"pdfuaid:part>1<" in root["/Metadata"].get_object().get_data()
    kinds = tags(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/H3", "/L", "/LI", "/Table", "/TH", "/TD", "/Figure", "/BlockQuote"} <= kinds
    assert {"/Link", "/Note", "/TOC", "/TOCI", "/Code", "/Em", "/Strong"} <= kinds


def test_it_says_what_it_is(everything: pypdf.PdfReader) -> None:
    """Title, author, subject, keywords and outline are the paper's own; the date is the paper's."""
    assert everything.metadata is not None
    assert everything.metadata.title == "Coaching in Practice"
    assert everything.metadata.author == "Alice Archer"
    assert everything.metadata.subject == "What Coaching in Practice holds."
    assert "Second chapter" in (everything.metadata.keywords or "")
    assert everything.metadata.creation_date == datetime(2024, 5, 1, tzinfo=UTC)
    assert titles(everything.outline) == [
        "1 First things first",
        ["Lists", ["Quotations"]],
        "2 Second chapter",
    ]


def test_the_same_paper_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two machines make one PDF: the clock and the machine's fonts have no part in it."""
    first, second = (make(tmp_path / name, whitepaper(body=EVERYTHING)).path.read_bytes() for name in "ab")
    assert first == second


def test_a_paper_is_made_again_only_when_it_has_changed(tmp_path: Path) -> None:
    """An unchanged paper keeps its file; a changed text, picture or damaged file makes it anew."""
    text = whitepaper(body="## One\n\n![A dot](../images/dot.svg)")
    assert make(tmp_path, text).is_new
    made = make(tmp_path, text)
    assert (made.is_new, made.page_count) == (False, len(pypdf.PdfReader(made.path).pages))
    assert make(tmp_path, text.replace("A dot", "A point")).is_new
    assert make(tmp_path, text.replace("A dot", "A point"), **{"dot.svg": PICTURE.replace("4", "3")}).is_new
    made.path.write_bytes(made.path.read_bytes()[:-1])
    assert make(tmp_path, text.replace("A dot", "A point"), **{"dot.svg": PICTURE.replace("4", "3")}).is_new
    assert sorted(path.name for path in made.path.parent.iterdir()) == ["1.json", "1.pdf"]


def test_text_is_never_read_as_code(tmp_path: Path) -> None:
    """What would be Typst in Typst is text in a paper, in its title too."""
    hostile = '#panic("no") $x$ @ref = a _b_ #let x = 1; \\u{41} */ // "'
    text = whitepaper(
        title="'#panic(1) $y$ \\ @z'", body=f"## {hostile}\n\n{hostile}\n\n`{hostile}`\n\n| {hostile} |\n|-|"
    )
    pdf = pypdf.PdfReader(make(tmp_path, text).path)
    assert pdf.metadata is not None
    assert pdf.metadata.title == "#panic(1) $y$ \\ @z"
    assert "#panic(" in pdf.pages[2].extract_text()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("## A\n\n![](../images/dot.svg)", "3: The picture ../images/dot.svg has no description."),
        ("## A\n\n![x](gone.png)", "3: The picture gone.png is not in the content folder."),
        ("## A\n\n![x](../../../secret.png)", "3: The picture ../../../secret.png is not in the content folder."),
        ("## A\n\n![x](https://example.com/x.png)", "3: The picture https://example.com/x.png is not in"),
        ("## A\n\n![x](practice.md)", "3: The picture practice.md is of an unknown kind."),
        ("## A\n\nOne.\n\n<div>x</div>", "5: HTML (<div>x</div>) cannot be put on paper."),
        ("## A\n\nOne <b>two</b>.", "3: HTML (<b>) cannot be put on paper."),
        ("## A\n\n[x](/about/)", '3: The link "/about/" leads nowhere from a PDF.'),
        ("## A\n\n[x](javascript:alert)", '3: The link "javascript:alert" leads nowhere from a PDF.'),
        ("## A\n\n[x](#b)", '3: No heading of this whitepaper is called "#b".'),
        ("## A\n\nOne.[^x]", "3: The footnote [^x] has no text."),
        ("## A\n\nOne.\n\n[^x]: Note.", "5: Nothing refers to the footnote [^x]."),
        ("## A\n\nOne.[^x]\n\n[^x]: Note.[^y]\n[^y]: No.", "5: The footnote [^y] stands in another one."),
        ("# A", "1: # is the whitepaper's title, which stands in the header."),
        ("## A\n\n#### B", "3: The heading skips a level. After the one before it, it must begin with ###."),
        ("### A", "1: The heading skips a level. After the one before it, it must begin with ##."),
        ("## A\n\n| a | b |\n|---|---|\n| c |", "3: The table cannot be read."),
        ("## A\n\nOne\n日本 &#x1F600;", '4: The PDF\'s fonts have no "日" (CJK UNIFIED IDEOGRAPH-65E5), "本"'),
        ("", "0: There is no text."),  # below the line that closes the header
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, body: str, told: str) -> None:
    """What paper cannot show is the author's to mend, and the line is named."""
    (found,) = mistakes(tmp_path, body)
    assert found.startswith(told)


def test_names_never_get_into_each_others_way(tmp_path: Path) -> None:
    """Headings may be called like footnotes, like each other and like nothing at all."""
    body = "## Last page\n\nA.[^1] [b](#note-1) [c](#last-page-2) [d](#größe)\n\n<br>\n\n### Note 1\n\nB.[^1]"
    body += "\n\n[^1]: N.\n\n## Last page\n\n## ???\n\n## ???\n\n## Größe"
    assert make(tmp_path, whitepaper(body=body)).page_count == 3


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    """Of several pictures the one that cannot be read is told."""
    body = "## A\n\n![Dot](/images/dot.svg)\n\n![Gone]({static}/images/gone.png)"
    (found,) = mistakes(tmp_path, body, **{"gone.png": PNG_WITHOUT_DATA})
    assert found.startswith("5: The picture gone.png cannot be read: ")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """One run tells everything that is wrong with a paper, its header too."""
    with pytest.raises(ContentMistakes) as raised:
        make(tmp_path, whitepaper(title="日本", body="## A\n\n<b>\n\n![](x.png)\n\n[a](b)"))
    lines = [mistake.line - FIRST_LINE_OF_BODY + 1 for mistake in raised.value.mistakes]
    assert lines == [
        -7,
        -5,
        3,
        5,
        5,
        7,
    ]  # the title is in the summary too; the picture has no description and is missing


def test_the_fonts_have_their_licences_and_cover_western_languages() -> None:
    """Each family ships with its licence; the map of characters is read rightly."""
    families = {font.name.split("-")[0] for font in FONTS.glob("*.ttf")}
    assert {licence.name for licence in FONTS.glob("OFL-*.txt")} == {f"OFL-{family}.txt" for family in families}
    assert {ord(char) for char in "aZ09äßçñøŁđő€—–“”‘’…☐☑•·→"} <= known_characters()
    assert ord("日") not in known_characters()
    assert ord("a") in code_points(FONTS / "SourceCodePro-Regular.ttf")
    assert sum(path.stat().st_size for path in FONTS.iterdir()) < 1_500_000


def test_the_build_makes_the_pdfs_and_the_landing_page_knows_the_pages(
    make_site: MakeSite, tmp_path: Path
) -> None:
    """The PDF lies in the private folder, and the number of pages is on the landing page."""
    output = make_site(
        {**AUTHOR, "whitepapers/practice.md": whitepaper(), "a.md": post("Trust")},
        templates={"whitepaper.html": "{{ whitepaper.page_count }} pages"},
        theme="minimal",
    )
    assert (output / "whitepapers/practice/index.html").read_text() == "3 pages"
    assert len(pypdf.PdfReader(tmp_path / "var/whitepapers/practice/1.pdf").pages) == 3


@pytest.mark.parametrize("folder", ["output", "output/papers", "content", "content/images"])
def test_a_public_folder_is_refused(make_site: MakeSite, tmp_path: Path, folder: str) -> None:
    """PDFs never lie where everyone could fetch them."""
    with pytest.raises(ContentMistakes, match=f"PDFs would lie in the {folder.split('/')[0]} folder"):
        make_site({**AUTHOR}, theme="minimal", WHITEPAPER_DIR=str(tmp_path / folder))


def test_a_mistake_in_a_paper_stops_the_build_before_anything_is_written(
    make_site: MakeSite, tmp_path: Path
) -> None:
    """The site stays as it is, and no PDF of the paper is made."""
    with pytest.raises(ContentMistakes, match="has no description"):
        make_site({**AUTHOR, "whitepapers/practice.md": whitepaper(body="## A\n\n![](x.png)")}, theme="minimal")
    assert not list((tmp_path / "output").rglob("*.html"))
    assert not list((tmp_path / "var").rglob("*.pdf"))


def test_the_papers_can_be_made_without_the_site(tmp_path: Path) -> None:
    """The command makes this project's own papers, of six pages or more, and keeps them when run again."""
    command = [sys.executable, "-m", "plugins.whitepaper_pdf"]
    environment = {**os.environ, "LEADAPI_WHITEPAPER_DIR": str(tmp_path)}
    for end in (" pages", " pages, unchanged"):
        finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert (finished.returncode, finished.stderr) == (0, "")
        for line in finished.stdout.splitlines():
            path, facts = line.split(": ")
            assert facts.endswith(end)
            assert len(pypdf.PdfReader(path).pages) == int(facts.split()[0]) >= 6
    assert "coaching-and-motivating-employees-to-perform-better/1.pdf" in finished.stdout


def test_the_command_tells_mistakes_and_fails(tmp_path: Path) -> None:
    """A wrong paper is an exit code and a sentence, no traceback."""
    write_files(tmp_path / "content", {**AUTHOR, "whitepapers/p.md": whitepaper(body="## A\n\n![](x.png)")})
    (tmp_path / "settings.py").write_text(
        f"PATH = 'content'\nWHITEPAPER_DIR = '{tmp_path}/papers'\nCONSENT_TEXTS = {{'en-1': 'Yes.'}}\n"
    )
    command = [sys.executable, "-m", "plugins.whitepaper_pdf", "-s", str(tmp_path / "settings.py")]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert f"{tmp_path}/content/whitepapers/p.md:12: The picture x.png has no description." in finished.stderr
    assert "Traceback" not in finished.stderr
