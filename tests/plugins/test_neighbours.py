"""A reader goes from post to post in the order of their dates."""

import json
from pathlib import Path
from typing import Any

from small_sites import ALICE, MakeSite, post

TEMPLATE = {
    "article.html": "{{ [article.previous_post.slug|default(none), article.next_post.slug|default(none)]|tojson }}"
}
PLUGINS = ["pelican.plugins.yaml_metadata", "plugins.hidden_posts", "plugins.neighbours"]


def around(output: Path, slug: str) -> tuple[Any, Any]:
    """The slugs of the posts before and after one."""
    before, after = json.loads((output / slug / "index.html").read_text())
    return before, after


def test_the_sales_management_post_stands_between_its_neighbours(make_site: MakeSite) -> None:
    """The older post is the previous one, the newer the next."""
    files = {
        "a.md": post("Why Sales Management Does NOT Work", "2012-05-31"),
        "b.md": post(
            "Training Reinforcement: Idea # 1", "2012-06-07", more="slug: training-reinforcement-idea-1\n"
        ),
        "c.md": post("Coaching Attitude Development", "2012-05-24"),
        "authors/alice-archer.md": ALICE,
    }
    output = make_site(files, templates=TEMPLATE, theme="minimal", plugins=PLUGINS)
    assert around(output, "why-sales-management-does-not-work") == (
        "coaching-attitude-development",
        "training-reinforcement-idea-1",
    )
    assert around(output, "coaching-attitude-development") == (None, "why-sales-management-does-not-work")
    assert around(output, "training-reinforcement-idea-1") == ("why-sales-management-does-not-work", None)


def test_posts_of_one_day_are_neighbours_by_slug(make_site: MakeSite) -> None:
    """Where the dates are the same the slug decides, in every build."""
    files = {f"{name}.md": post(name) for name in ("Banana", "Apple", "Cherry")}
    output = make_site(files, templates=TEMPLATE, theme="minimal", plugins=PLUGINS)
    assert around(output, "banana") == ("apple", "cherry")


def test_hidden_posts_and_drafts_are_nobodys_neighbours(make_site: MakeSite) -> None:
    """What is hidden is not given away by the posts around it, and gives none away."""
    files = {
        "a.md": post("First", "2024-01-01"),
        "b.md": post("Secret", "2024-01-02", more="status: hidden\n"),
        "c.md": post("Unready", "2024-01-03", more="status: draft\n"),
        "d.md": post("Last", "2024-01-04"),
    }
    output = make_site(files, templates=TEMPLATE, theme="minimal", plugins=PLUGINS)
    assert around(output, "first") == (None, "last")
    assert around(output, "last") == ("first", None)
    assert around(output, "secret") == (None, None)
