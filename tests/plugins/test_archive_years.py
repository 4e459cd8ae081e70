"""Each year has a page of its own that stays as it is when the year is over; the overview leads to all of them."""

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from html5lib import parse
from small_sites import ALICE, MakeSite, post

from plugins import archive_years as archives
from plugins.archive_years import MOST_TOGETHER, archive_years, newest_years
from plugins.mistakes import ContentMistakes

AUTHOR = {"authors/alice-archer.md": ALICE}
DATES = {"a": "2019-01-01", "b": "2021-01-01", "c": "2021-12-31", "d": "2022-06-01"}
FILES = {
    **AUTHOR,
    **{f"{name}.md": post(name, date) for name, date in DATES.items()},
    "draft.md": post("e", "2018-01-01", more="status: draft\n"),
    "hidden.md": post("f", "2017-01-01", more="status: hidden\n"),
    "future.md": post("g", "2999-01-01"),
}


def shown(output: Path, address: str) -> tuple[list[str], list[str], dict[str, str]]:
    """Of an archive page: the posts, the years that it leads to, and the addresses of the years beside it."""
    page = parse((output / address / "index.html").read_text(), namespaceHTMLElements=False)
    links = list(page.find("body/main").iter("a"))
    posts = [link.get("href").strip("/") for link in links if re.fullmatch(r"/[a-z]/", link.get("href"))]
    years = [link.get("href") for link in links if re.fullmatch(r"/archives/\d+/", link.get("href"))]
    return posts, years, {link.get("rel"): link.get("href") for link in links if link.get("rel")}


def words(output: Path, address: str) -> str:
    """What a reader sees of a page's main part."""
    page = parse((output / address / "index.html").read_text(), namespaceHTMLElements=False)
    return " ".join(" ".join(page.find("body/main").itertext()).split())


@pytest.fixture
def one_year_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two posts are too many to be shown with those of another year."""
    monkeypatch.setattr(archives, "MOST_TOGETHER", 1)


def test_each_year_shows_its_posts_newest_first(make_site: MakeSite) -> None:
    """All of them, and the years beside it; a year without posts is skipped, what is not public has none."""
    output = make_site(FILES)
    assert sorted(path.name for path in (output / "archives").iterdir()) == ["2019", "2021", "2022", "index.html"]
    older, newer = "/archives/2019/", "/archives/2022/"
    assert shown(output, "archives/2021") == (["c", "b"], [newer, older], {"prev": newer, "next": older})
    assert shown(output, "archives/2022")[2] == {"next": "/archives/2021/"}
    assert shown(output, "archives/2019")[2] == {"prev": "/archives/2021/"}
    assert words(output, "archives/2021").startswith("Archives 2021 2 posts, newest first. c December 31, 2021 b")
    assert words(output, "archives/2019").startswith("Archives 2019 1 post. a January 1, 2019 ← Newer posts 2021")


def test_a_years_page_says_where_it_stands(make_site: MakeSite) -> None:
    """It names itself as the canonical address, leads back to the overview, and the menu marks the archives."""
    page = (make_site(FILES) / "archives/2021/index.html").read_text()
    tree = parse(page, namespaceHTMLElements=False)
    [canonical] = [link.get("href") for link in tree.iter("link") if link.get("rel") == "canonical"]
    assert canonical == "https://blog.example.com/archives/2021/"
    [marked] = [link for link in tree.iter("a") if link.get("aria-current")]
    assert (marked.get("href"), marked.get("aria-current")) == ("/archives/", "true")
    assert [link.get("href") for link in tree.find("body/main/header").iter("a")] == ["/archives/"]
    assert "<title>Archives, 2021 · " in page


@pytest.mark.usefixtures("one_year_alone")
def test_the_overview_of_a_large_blog_shows_the_newest_year(make_site: MakeSite) -> None:
    """Every year is named with the count of its posts, and the way goes on to the next older one."""
    output = make_site(FILES)
    posts, years, beside = shown(output, "archives")
    assert (posts, beside) == (["d"], {"next": "/archives/2021/"})
    assert years[:3] == ["/archives/2022/", "/archives/2021/", "/archives/2019/"]
    assert "4 posts, newest first. Years 2022 1 post 2021 2 posts 2019 1 post 2022 d" in words(output, "archives")


def test_the_overview_of_a_small_blog_shows_every_post(make_site: MakeSite) -> None:
    """Few posts are seen at a glance, each year below its own heading."""
    output = make_site(FILES)
    assert shown(output, "archives")[0] == ["d", "c", "b", "a"]
    assert shown(output, "archives")[2] == {}


def test_a_blog_of_one_year_has_no_list_of_years(make_site: MakeSite) -> None:
    """The year's heading leads to its page, which leads nowhere but back."""
    output = make_site({**AUTHOR, "a.md": post("a", "2024-01-02")})
    assert words(output, "archives") == "Archives 1 post. 2024 a January 2, 2024"
    assert shown(output, "archives") == (["a"], ["/archives/2024/"], {})
    assert shown(output, "archives/2024") == (["a"], [], {})


def test_an_empty_blog_says_that_it_begins(make_site: MakeSite) -> None:
    """Without posts the overview is there all the same."""
    output = make_site({"extra/note": ""})
    assert words(output, "archives") == "Archives The first post is being written."


def test_a_new_post_changes_no_other_years_page(make_site: MakeSite) -> None:
    """Years that are over, and do not border on a new one, keep their bytes."""
    output = make_site(FILES)
    before = {path: path.read_bytes() for path in (output / "archives").rglob("*.html")}
    make_site({**FILES, "h.md": post("h", "2022-07-01")})
    assert {path for path, data in before.items() if path.read_bytes() != data} == {
        output / "archives/index.html",
        output / "archives/2022/index.html",
    }


def test_a_link_to_a_year_without_posts_stops_the_build(make_site: MakeSite) -> None:
    """The author is told of it as of any address that is not there."""
    make_site({**FILES, "h.md": post("h", "2022-07-01", "[Then](/archives/2019/)")})
    with pytest.raises(ContentMistakes, match="/archives/2020/"):
        make_site({**FILES, "h.md": post("h", "2022-07-01", "[Then](/archives/2020/)")})


def posts_of(*counts: int) -> list[Any]:
    """So many posts of each year from 2024 backwards."""
    dates = [datetime(2024 - ago, 6, 1).astimezone() for ago, count in enumerate(counts) for _ in range(count)]
    return [SimpleNamespace(date=date) for date in dates]


@pytest.mark.parametrize(
    ("counts", "shown"), [((), 0), ((60,), 1), ((60, 1), 1), ((20, 30), 2), ((20, 31), 1), ((50, 1), 1)]
)
def test_the_overview_shows_whole_years_of_50_posts_together(counts: tuple[int, ...], shown: int) -> None:
    """The newest year is always among them, and no year is cut in two."""
    assert len(newest_years(archive_years(posts_of(*counts), "archives/"), MOST_TOGETHER)) == shown


def test_a_post_is_of_the_year_that_its_page_says() -> None:
    """Two posts around midnight in far-off time zones do not split a year in two."""
    far, here = timezone(timedelta(hours=14)), timezone(timedelta(hours=-6))
    days = [
        datetime(2021, 1, 2, tzinfo=here),
        datetime(2020, 12, 31, 23, tzinfo=here),
        datetime(2021, 1, 1, 9, tzinfo=far),
    ]
    years = archive_years([SimpleNamespace(date=day) for day in days], "archives/")
    assert [(year.year, len(year.posts)) for year in years] == [(2021, 2), (2020, 1)]
