"""A correction is shown with its date, to people and to machines."""

import json
from pathlib import Path
from typing import Any

import feedparser
import pytest
from html5lib import parse
from small_sites import ALICE, MakeSite, post


def site(modified: str) -> dict[str, str | bytes]:
    """A post of January 2, 2023, corrected on some day, or with "" never."""
    more = f"modified: {modified}\n" if modified else ""
    return {"a.md": post("Trust", "2023-01-02 09:00", more=more), "authors/alice-archer.md": ALICE}


def page(output: Path) -> Any:
    """The post's page, parsed."""
    return parse((output / "trust/index.html").read_text(), namespaceHTMLElements=False)


def shown(output: Path) -> list[str]:
    """What stands below the post's title."""
    [meta] = [element for element in page(output).iter("ul") if element.get("class") == "meta"][:1]
    return [" ".join("".join(item.itertext()).split()) for item in meta]


def test_a_later_day_is_shown_beside_the_date(make_site: MakeSite) -> None:
    """People read when the post was corrected, programs read the same moment."""
    output = make_site(site("2023-02-02"))
    assert shown(output)[1:3] == ["January 2, 2023", "Updated February 2, 2023"]
    moment = "2023-02-02T00:00:00-06:00"
    assert moment in [element.get("datetime") for element in page(output).iter("time")]
    told = {element.get("property"): element.get("content") for element in page(output).iter("meta")}
    assert told["article:published_time"] == "2023-01-02T09:00:00-06:00"
    assert told["article:modified_time"] == moment
    assert feedparser.parse(str(output / "feed.atom")).entries[0].updated == moment
    assert json.loads((output / "feed.json").read_text())["items"][0]["date_modified"] == moment


@pytest.mark.parametrize("modified", ["", "2023-01-02 17:30"])
def test_the_same_day_is_not_shown_twice(make_site: MakeSite, modified: str) -> None:
    """A slip that is mended on the first day is no news, and a post that was never corrected says nothing."""
    output = make_site(site(modified))
    assert not any("Updated" in words for words in shown(output))
