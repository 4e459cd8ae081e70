"""The build benchmark compares like with like: one corpus, the same everywhere, and pages that are all counted."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from corpus import post  # noqa: E402 # bench/ is no package
from corpus_files import WRITERS, corpus  # noqa: E402
from pages_built import groups_of, promised  # noqa: E402
from sides import Site, WrongOutput, all_sides  # noqa: E402

FIGURES = {"wall_seconds_median", "cpu_seconds_median", "peak_memory_mb_median", "runs", "wall_seconds_each"}


def test_a_post_is_the_same_on_every_machine() -> None:
    """What was measured last year can be measured again: a post depends on its number alone."""
    text = "".join(WRITERS["ours"](post(number)) for number in (0, 7, 9_999))
    assert sha256(text.encode()).hexdigest()[:16] == "d50f98d396d7cb4c"


def test_posts_are_like_a_blogs() -> None:
    """Posts have 600 to 900 words and 3 to 5 tags; one in five has code; topics share their tags."""
    posts = [post(number) for number in range(100)]
    assert all(600 <= len(one.body.split()) <= 900 for one in posts)
    assert all(3 <= len(set(one.tags)) <= 5 for one in posts)
    assert sum("```python" in one.body for one in posts) == 20
    assert all(mark in one.body for one in posts for mark in ("\n## ", "\n- ", "\n> ", "]("))
    used = Counter(tag for one in posts for tag in one.tags)
    assert max(used.values()) > 10 and len(used) > 100  # Zipf: a few often, many seldom
    assert len({one.slug for one in posts}) == len({one.date for one in posts}) == 100


def header(text: str) -> dict[str, Any]:
    """What a YAML header says."""
    return dict(yaml.safe_load(text.split("---\n")[1]))


def test_all_sides_read_the_same_facts() -> None:
    """Only the spelling of a post's header differs between the sides."""
    made = post(3)
    ours, hugo = header(WRITERS["ours"](made)), header(WRITERS["hugo"](made))
    stock = dict(line.split(": ", 1) for line in WRITERS["stock"](made).split("\n\n")[0].splitlines())
    plain = ("title", "slug", "summary")
    assert (
        [ours[name] for name in plain] == [made.title, made.slug, made.summary] == [hugo[name] for name in plain]
    )
    assert [stock[name.capitalize()] for name in plain] == [ours[name] for name in plain]
    assert (
        [stock["Author"], stock["Category"]] == [ours["author"], ours["category"]] == [made.author, made.category]
    )
    assert (hugo["author"], hugo["category"]) == ([made.author], [made.category])
    assert stock["Tags"].split(", ") == ours["tags"] == hugo["tag"] == list(made.tags)
    assert stock["Date"] == ours["date"] == f"{hugo['date']:%Y-%m-%d %H:%M}"
    assert all(write(made).endswith(f"\n\n{made.body}") for write in WRITERS.values())


def test_the_pages_promised_are_counted_by_hand_too() -> None:
    """45 posts are 4 listing pages here and 5 elsewhere; a category of 20 is 2 pages on all sides."""
    groups = {"category": {"a": 20, "b": 25}, "tag": {}, "author": {}}
    assert promised("ours", 45, groups)["numbered"] == 3 + 1 + 1
    assert promised("hugo", 45, groups)["numbered"] == 4 + 1 + 2
    assert promised("stock", 45, groups)["sitemap addresses"] == 1 + 45 + 2


def test_a_page_that_was_not_built_is_no_success(tmp_path: Path) -> None:
    """Nobody wins by leaving something out: this site builds all that was promised; one page less is noticed."""
    made = corpus(tmp_path / "corpus", 20)
    assert made.groups["author"] == sum_of_authors(20)
    side = next(side for side in all_sides(sys.executable, "", "") if side.name == "ours")
    site = Site(side, tmp_path / "site", made)
    site.add_post()
    assert site.build(warm=True).cpu_seconds > 0
    page = tmp_path / "site" / "out" / post(7).slug / "index.html"
    text = page.read_text()
    shutil.rmtree(page.parent)
    with pytest.raises(WrongOutput, match=r"built .*'post': 20.*'post': 21"):
        site.check()
    page.parent.mkdir()
    page.write_text(text)
    site.check()


def sum_of_authors(count: int) -> dict[str, int]:
    """How many posts each author has among the first ones."""
    names = [groups_of(post(number))["author"][0] for number in range(count)]
    return {name: names.count(name) for name in names}


def test_the_results_say_what_was_measured(tmp_path: Path) -> None:
    """A quick look at this site alone, which needs no further download, writes every promised figure."""
    command = [sys.executable, str(ROOT / "bench" / "build.py"), "--posts", "12", "--runs", "1", "--only", "ours"]
    command += ["--work", "cold", "one-more", "--home", str(tmp_path), "--results", str(tmp_path / "build.json")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    results = json.loads((tmp_path / "build.json").read_text())
    assert results.keys() == {"machine", "versions", "measured", "bars_mean_this_size", "bars"}
    assert results["machine"].keys() == {"cores", "memory_mb", "system", "python"}
    assert {name: work["posts"] for name, work in results["measured"].items()} == {
        "cold_small": 10,
        "cold_large": 12,
        "one_more_post_large": 12,
    }
    assert all(work["sides"]["ours"].keys() == FIGURES for work in results["measured"].values())
    assert results["bars"][0]["promise"] == "one more post"
    assert "| one more post, 12 posts | " in run.stdout
