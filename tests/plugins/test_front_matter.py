"""An author's mistake is told with file, line and fix, and nothing is built."""

from pathlib import Path

import pytest
from small_sites import ALICE, MakeSite, RunPelican, post

from plugins.mistakes import ContentMistakes

PLUGINS = ["pelican.plugins.yaml_metadata", "plugins.front_matter"]
GOOD = {"articles/good.md": post("Good"), "authors/alice-archer.md": ALICE}
WHITEPAPER = """---
title: Coaching Well
summary: A paper.
edition: "1"
date: 2024-01-01
---
Text.
"""


def mistakes(make_site: MakeSite, files: dict[str, str | bytes]) -> list[str]:
    """The messages for these files beside a good post, as file below content/, line and text."""
    with pytest.raises(ContentMistakes) as raised:
        make_site({**GOOD, **files}, theme="minimal", plugins=PLUGINS)
    told = raised.value.mistakes
    return [f"{m.path.partition('/content/')[2]}:{m.line}: {m.text}" for m in told]


def with_line(line: str) -> str:
    """A valid post with one more line of front matter, its 8th."""
    return post("Bad", more=line + "\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (with_line("summry: x"), '8: The field "summry" is unknown. Did you mean "summary"?'),
        (with_line("authors: x"), '8: The field "authors" is unknown. Did you mean "author"?'),
        (
            with_line("status: publish"),
            '8: status "publish" is unknown. Write published, draft or hidden. Did you',
        ),
        (with_line("comments: off"), '8: comments "off" is unknown. Write open or closed.'),
        (with_line("lang: English"), '8: lang "English" is no language. Write it like en or pt-BR.'),
        (with_line("slug: ../x"), '8: The slug "../x" cannot be an address'),
        (with_line("slug: a/b"), "single hyphens may be in it. Try a-b."),
        (with_line("slug: ''"), "8: slug is empty. Fill it in, or delete the line."),
        (with_line("slug: My-Post"), "Try my-post."),
        (with_line("slug: archives"), '8: The slug "archives" is an address the site itself uses.'),
        (
            with_line("related: [goood]"),
            '8: No post has the slug "goood" that related names. Did you mean "good"?',
        ),
        (with_line("related: [bad]"), '8: related names this post itself ("bad"). Take it out.'),
        (with_line("related: {a: b}"), "8: related is not a list of slugs."),
        (with_line("whitepaper: nothing"), '8: The whitepaper "nothing" is not in content/whitepapers/.'),
        (with_line("title: Again"), "8: title stands here and in line 2. Keep one of the two."),
        (with_line("modified: soon"), '8: modified "soon" is not a date'),
        (post("Bad", tags="trust, feedback"), "6: tags is not a list of texts. Write tags: [trust, feedback]"),
        (post("Bad", tags="[2024]"), "6: tags is not a list of texts."),
        (post("Bad", tags="['!!!']"), '6: The tag "!!!" cannot be an address.'),
        (post("Bad", category="'!!!'"), '5: The category "!!!" cannot be an address. It needs letters or digits'),
        (
            post("Bad", author="Alise Archer"),
            '4: The author "Alise Archer" has no file in content/authors/. Did you',
        ),
        (post("Bad", author="Bob Baker"), "Add content/authors/bob-baker.md, or mend the name."),
        (post("???"), '2: No address can be made of the title "???". Add a line like slug: my-first-post'),
        (post("🎉🎉"), '2: No address can be made of the title "🎉🎉".'),
        (
            post("so long " * 40),
            "2: The address made of the title has 319 letters, and 100 is the most. Write a line",
        ),
        (with_line("slug: " + "a" * 101), "8: The slug has 101 letters, and 100 is the most."),
        (post("Bad", tags=f"[{'tag' * 40}]"), "has 120 letters, and 100 is the most. Shorten it."),
        (post("Bad", category="so long " * 40), "has 319 letters, and 100 is the most. Shorten it."),
        (with_line("modified: 2023-12-31"), "8: modified (2023-12-31) is before date (2024-01-02)."),
        (post("Bad", body=""), "8: There is no text below the header. Write it, or add a line status: draft"),
        (with_line("lang:\ten"), "8: There is a tab in the line. Use spaces, not tabs."),
        (with_line("related:\n\t- good"), "9: There is a tab in the line. Use spaces, not tabs."),
        (
            post("Bad").replace('"Bad"', '"Bad'),
            '2: A value opens with " and never closes it. Put another " at its end.',
        ),
        (with_line("lang: 'en"), "8: A value opens with ' and never closes it."),
        (post("Bad", tags="[a, b"), "6: A value opens with [ and is not closed on its line."),
        (
            post("Bad").replace('"Bad"', "Idea # 1"),
            '2: YAML takes what follows a # for a comment and would read "Idea". Put the value in double quotes: '
            '"Idea # 1". A comment',
        ),
        (
            with_line("related:\n- good # the best"),
            '9: YAML takes what follows a # for a comment and would read "good"',
        ),
        (post("Bad").replace('title: "Bad"\n', ""), "1: title is missing. Add a line like title: My First Post"),
        (post("Bad").replace('"Bad"', ""), "2: title is empty. Fill it in, or delete the line."),
        (
            post("Bad").replace('"Bad"', "1984"),
            '2: title is not text. Put it in double quotes, on one line: title: "1984"',
        ),
        (
            post("Bad").replace('"Bad"', "Ideas: one"),
            "2: The header is not valid YAML: mapping values are not allowed",
        ),
        (post("Bad").replace("---\n", "--- \n", 1), "1: The header is opened and not closed."),
        (post("Bad").replace("date: 2024-01-02\n", ""), "1: date is missing. Add a line like date: 2024-05-31"),
        ("", "1: The file is empty."),
        ("Only text.\n", "1: The file has no header."),
        ("---\n- a\n---\n", "The header is not a list of fields."),
        (
            post("Bad", body="One.\n<<<<<<< HEAD\nTwo.\n=======\nThree.\n>>>>>>> x"),
            "10: A merge conflict was left here.",
        ),
    ],
)
def test_a_mistake_in_a_post_is_told_with_line_and_fix(make_site: MakeSite, text: str, message: str) -> None:
    """One mistake gives one message, which begins with the file and the line."""
    told = mistakes(make_site, {"articles/bad.md": text})
    assert len(told) == 1, told
    assert told[0].startswith("articles/bad.md:")
    assert message in told[0]


@pytest.mark.parametrize(
    ("date", "reason"),
    [
        ("2024-02-30", "day is out of range for month"),
        ("2024-13-01", "month must be in 1..12"),
        ("May 32, 2024", "is not a date"),
        ("soon", "is not a date"),
        ("2024", "needs a day, a month and a year"),
        ("May 2024", "needs a day, a month and a year"),
        ("03/04/2024", "with the day first and with the month first"),
        ("[2024]", "is not a date"),
        ("''", "is empty"),
    ],
)
@pytest.mark.parametrize("classic", [False, True])
def test_a_bad_date_is_told_with_the_reason(make_site: MakeSite, date: str, reason: str, classic: bool) -> None:
    """Why a date is none is said, in YAML and in classic headers."""
    text = (
        f"Title: Bad\nDate: {date.strip(chr(39))}\nAuthor: Alice Archer\n\nText." if classic else post("Bad", date)
    )
    told = mistakes(make_site, {"bad.md": text})
    assert len(told) == 1, told
    assert reason in told[0]
    assert told[0].startswith(f"bad.md:{2 if classic else 3}: date ")


@pytest.mark.parametrize("date", ["2024-05-31", "2024-05-31 14:30", "2024-05-31T14:30:00+02:00", "May 31, 2024"])
def test_a_good_date_is_taken(make_site: MakeSite, date: str) -> None:
    """A day, with or without time and zone, is a date."""
    output = make_site({**GOOD, "x.md": post("X", date)}, theme="minimal", plugins=PLUGINS)
    assert (output / "x/index.html").exists()


def test_classic_headers_work(make_site: MakeSite) -> None:
    """Title: lines instead of YAML make a post, with tags and related posts after commas."""
    text = "Title: Old: Style\nDate: 2012-05-31\nAuthor: Alice Archer\nTags: a, b\nRelated: good, \n\nText.\n"
    output = make_site({**GOOD, "old.md": text}, theme="minimal", plugins=PLUGINS)
    assert (output / "old-style/index.html").exists()


def test_windows_files_work(make_site: MakeSite) -> None:
    """A byte order mark and carriage returns are no mistakes."""
    data = b"\xef\xbb\xbf" + post("Bob").replace("\n", "\r\n").encode()
    output = make_site({**GOOD, "bob.md": data}, theme="minimal", plugins=PLUGINS)
    assert (output / "bob/index.html").exists()


def test_a_file_that_is_not_utf_8_is_told_with_the_line(make_site: MakeSite) -> None:
    """The line is that of the first byte that is wrong."""
    told = mistakes(make_site, {"latin.md": post("Bad", body="One.\nCaf\xe9.").encode("latin-1")})
    assert told == ["latin.md:10: This is not UTF-8 text. Save the file with the encoding UTF-8."]


def test_of_two_files_with_one_slug_the_newer_has_to_give_way(make_site: MakeSite) -> None:
    """Both files are named, and the mistake stands in the one whose address nobody can know yet."""
    page = "---\ntitle: Other\nslug: twice\n---\nText.\n"
    [told] = mistakes(make_site, {"a.md": post("Twice", more="status: draft\n"), "pages/b.md": page})
    assert told.startswith("a.md:2: ")
    assert '/content/pages/b.md:3 has the slug "twice" too. Change it here, in the newer file: write slug:' in told
    [told] = mistakes(make_site, {"a.md": post("Twice", "2024-05-01"), "b.md": post("Twice", "2023-05-01")})
    assert told.startswith("a.md:2: ") and "/content/b.md:2 has the slug" in told


def test_two_spellings_with_one_address_are_told_with_both(make_site: MakeSite) -> None:
    """C++ would stand on the page of C; the rarer spelling is told, with a place of the usual one."""
    files: dict[str, str | bytes] = {
        "a.md": post("A", tags="[C++]", category="Team Work"),
        "b.md": post("B", tags="[C]", category="team work"),
        "c.md": post("C", tags="[trust, C]", category="team work"),
    }
    first, second = mistakes(make_site, files)
    assert first.startswith('a.md:5: The category "Team Work" would be one with "team work" in ')
    assert second.startswith('a.md:6: The tag "C++" would be one with "C" in ')
    assert "/content/b.md:6: both have the address /tag/c/. Write both alike, or name one otherwise." in second


def test_a_draft_may_be_begun_with_its_header_alone(make_site: MakeSite) -> None:
    """A text that is not there yet holds nobody up, and quotes and comments in their places are no mistakes."""
    more = 'status: draft\n# a comment on a line of its own\nlang: "en" # and one after a quoted value\n'
    make_site({**GOOD, "x.md": post("Idea # 1", body="", more=more)}, theme="minimal", plugins=PLUGINS)


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("pages/p.md", "---\ntitle: P\ntags: [a]\n---\nText.\n", '3: The field "tags" is unknown.'),
        ("pages/p.md", "---\nslug: p\n---\nText.\n", "1: title is missing."),
        (
            "authors/bob.md",
            "---\nname: Bob Baker\nslug: bob\n---\n",
            "3: slug must be made of the name: write bob-baker",
        ),
        ("authors/bob.md", "---\nslug: bob\n---\n", "1: name is missing."),
        (
            "authors/bob.md",
            "---\nname: Bob\npicture: b.svg\npicture_alt: Bob\n---\n",
            '3: The picture "b.svg" is not in',
        ),
        (
            "authors/bob.md",
            f"---\nname: Bob\npicture: {__file__}\npicture_alt: Bob\n---\n",
            f'3: The picture "{__file__}" is not in',
        ),
        ("authors/team/bob.markdown", "---\nname: Bob\nlink: [x]\n---\n", '3: The field "link" is unknown.'),
        ("authors/bob.md", "---\nname: Bob\nlinks: [x]\n---\n", "3: links is not a list of links."),
        ("authors/bob.md", "---\nname: Bob\nlinks: [{label: x, url: 'javascript:1'}]\n---\n", "3: links is not"),
        (
            "whitepapers/w.md",
            WHITEPAPER.replace("edition", "editon"),
            '4: The field "editon" is unknown. Did you mean',
        ),
        ("whitepapers/w.md", WHITEPAPER.replace('"1"', '"../1"'), "4: edition becomes part of a file name."),
        (
            "whitepapers/w.md",
            WHITEPAPER.replace("---\nText", "author: Bob\n---\nText"),
            '6: The author "Bob" has no file',
        ),
        ("pages/p.md", "---\ntitle: P\n---\n", "3: There is no text below the header."),
        ("whitepapers/w.md", WHITEPAPER.replace("summary: A paper.\n", ""), "1: summary is missing."),
    ],
)
def test_pages_authors_and_whitepapers_are_checked_too(
    make_site: MakeSite, path: str, text: str, message: str
) -> None:
    """Every kind of content file has its fields."""
    told = mistakes(make_site, {path: text})
    assert len(told) == 1, told
    assert told[0].startswith(f"{path}:{message}")


def test_a_draft_whitepaper_cannot_be_offered(make_site: MakeSite) -> None:
    """A post that names a whitepaper which is not out yet is told so."""
    paper = WHITEPAPER.replace("---\nText", "status: draft\n---\nText")
    told = mistakes(make_site, {"whitepapers/w.md": paper, "a.md": with_line("whitepaper: coaching-well")})
    assert told == ['a.md:8: The whitepaper "coaching-well" is a draft. Publish it, or name another one.']


def test_all_mistakes_are_told_at_once_and_the_last_site_stays(run_pelican: RunPelican, tmp_path: Path) -> None:
    """The command ends with 1 and one line for each mistake and warning; what was built before is still there."""
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "index.html").write_text("the last good site")
    files = {
        **GOOD,
        "articles/a.md": post("A", "2024-02-30", tags="x, y"),
        "articles/b.md": post("B", author="Alice"),
    }
    done = run_pelican(files, "--delete-output-directory")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.partition("/content/")[2].partition(": ")[0] for line in lines[:3]] == [
        "articles/a.md:3",
        "articles/a.md:6",
        "articles/b.md:4",
    ]
    assert lines[3:] == ["2 mistakes and 1 warning in the content. Nothing was built."]
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / "output" / "index.html").read_text() == "the last good site"


def test_debug_mode_still_shows_where_the_build_stopped(run_pelican: RunPelican) -> None:
    """With -D Pelican's own report comes beside the plain messages."""
    done = run_pelican({"a.md": post("A", "2024-02-30")}, "-D")
    assert done.returncode == 1
    assert "is not a date: day is out of range for month." in done.stderr
    assert "Traceback" in done.stdout + done.stderr


def test_a_broken_author_file_is_the_only_mistake_told(make_site: MakeSite) -> None:
    """Posts by that author are not accused of naming an author without a file."""
    told = mistakes(make_site, {"authors/alice-archer.md": "---\nname: Alice: Archer\n---\n"})
    assert [line.partition(": ")[0] for line in told] == ["authors/alice-archer.md:2"]


@pytest.mark.parametrize("name", ["bob.png", "bob.svg", "bob.txt"])
def test_an_authors_picture_that_cannot_be_read_is_told(make_site: MakeSite, name: str) -> None:
    """A broken file below images/ is told where the profile names it."""
    profile = f"---\nname: Bob\npicture: {name}\npicture_alt: Bob\n---\n"
    told = mistakes(make_site, {"authors/bob.md": profile, f"images/{name}": b"no picture"})
    assert told == [
        f'authors/bob.md:3: The picture "{name}" cannot be read. Save it again, as SVG, JPEG, PNG or WebP.'
    ]


def test_in_a_blog_without_profiles_any_author_is_fine(make_site: MakeSite) -> None:
    """Where no author has a file none is missed, and the authors' pages are there."""
    files = {"a.md": post("A", author="Bob Baker"), "b.md": "---\ntitle: B\ndate: 2024-01-01\n---\nText.\n"}
    output = make_site(files)
    assert (output / "author/bob-baker/index.html").exists()
    assert (output / "author/progress-coaching/index.html").exists()
    assert "About the Author" not in (output / "a/index.html").read_text()


def test_the_draft_of_a_next_edition_takes_no_whitepaper_away(make_site: MakeSite) -> None:
    """A post may name a whitepaper whose first edition is out and whose second is being written."""
    second = WHITEPAPER.replace('"1"', '"2"').replace("---\nText", "status: draft\n---\nText")
    for names in (("w.1.md", "w.2.md"), ("w.2.md", "w.1.md")):
        papers = {f"whitepapers/{names[0]}": WHITEPAPER, f"whitepapers/{names[1]}": second}
        files = {**GOOD, **papers, "a.md": with_line("whitepaper: coaching-well")}
        assert (make_site(files, theme="minimal", plugins=PLUGINS) / "bad/index.html").exists()


def test_a_site_may_name_its_categories(make_site: MakeSite) -> None:
    """Any other one is told then; where it names none, a new category is no mistake."""
    files = {**GOOD, "b.md": post("B", category="Sales")}
    make_site(files, theme="minimal", plugins=PLUGINS)
    with pytest.raises(ContentMistakes, match=r'b\.md:5: The category "Sales" is unknown\. Known are Coaching, '):
        make_site(files, theme="minimal", plugins=PLUGINS, CATEGORIES=["Coaching", "Trust"])
