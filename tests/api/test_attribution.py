"""Post and campaign of a lead are known from the page its form stood on, without cookies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadapi.attribution import Source, source

OWN = {"https://blog.example.com"}


def test_a_form_on_our_page_names_its_campaign() -> None:
    """The five UTM parameters of the page are kept, the first of each, others are not."""
    came = source(
        "https://blog.example.com/a-post/?utm_source=news%20letter&utm_source=2&utm_medium=email"
        "&utm_campaign=spring&utm_term=t&utm_content=c&gclid=x",
        OWN,
    )
    assert dict(came.utm) == {
        "utm_source": "news letter",
        "utm_medium": "email",
        "utm_campaign": "spring",
        "utm_term": "t",
        "utm_content": "c",
    }
    assert came.referrer_host == "blog.example.com"
    assert came.page is not None
    assert came.page.startswith("/a-post/?utm_source=")


def test_another_site_names_no_campaign() -> None:
    """Of a foreign page only its host is kept."""
    came = source("https://other.example.com/a-post/?utm_source=x", OWN)
    assert came == Source(referrer_host="other.example.com")


def test_a_refused_form_remembers_the_page_it_stood_on() -> None:
    """The second try is sent from our own answer; its hidden field still names the post's page."""
    came = source("https://blog.example.com/api/leads", OWN, "/a-post/?utm_source=x")
    assert came.page == "/a-post/?utm_source=x"
    assert came.utm == (("utm_source", "x"),)
    assert source("https://blog.example.com/b/", OWN, "/a-post/").page == "/b/"


@pytest.mark.parametrize(
    "referer", [None, "", "null", "about:blank", "https://[bad/", "//", "\x00", "https://:x@"]
)
def test_a_strange_referer_says_nothing(referer: str | None) -> None:
    """What is no address is no attribution, and no error."""
    came = source(referer, OWN)
    assert came.page is None
    assert came.utm == ()


@given(st.text(st.characters(), max_size=200), st.text(st.characters(), max_size=200))
def test_any_referer_can_be_stored(query: str, page: str) -> None:
    """Whatever the header and the hidden field hold, the outcome is short and printable."""
    for referer in (
        f"https://blog.example.com/x/?utm_source={query}",
        query,
        "https://blog.example.com/api/leads",
    ):
        came = source(referer, OWN, page)
        for text in (came.page, came.referrer_host, *(value for _, value in came.utm)):
            if text is not None:
                text.encode()
                assert "\x00" not in text
                assert len(text) <= 500
