"""The reading time is that of the words a reader sees."""

import pytest
from small_sites import MakeSite, post

from plugins.reading_time import reading_minutes, word_count


@pytest.mark.parametrize(("words", "minutes"), [(0, 1), (1, 1), (230, 1), (231, 2), (760, 4)])
def test_a_minute_is_230_words_and_one_begun_counts(words: int, minutes: int) -> None:
    """Even an empty post takes a minute."""
    assert reading_minutes(words) == minutes


def test_markup_is_not_read() -> None:
    """Tags and attributes are no words; text on both sides of a tag is two."""
    assert word_count('<p>Don’t <a href="/x-y z/">well-known</a></p><p>&amp; R&amp;D &nbsp;end</p>') == 5


def test_a_post_says_its_minutes(make_site: MakeSite) -> None:
    """The template gets the minutes of each post, hidden ones too."""
    output = make_site(
        {"a.md": post("Long", body="word " * 500), "b.md": post("Short", more="status: hidden\n")},
        templates={"article.html": "{{ article.reading_minutes }}"},
        theme="minimal",
        plugins=["pelican.plugins.yaml_metadata", "plugins.reading_time"],
    )
    assert (output / "long/index.html").read_text() == "3"
    assert (output / "short/index.html").read_text() == "1"
