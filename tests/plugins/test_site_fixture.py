"""The fixture that every test of a plugin stands on."""

from small_sites import ALICE, MakeSite, post


def test_a_small_site_is_built_with_the_projects_settings(make_site: MakeSite) -> None:
    """A post named by a test is at its own address."""
    output = make_site({"articles/trust.md": post("On Trust"), "authors/alice-archer.md": ALICE}, theme="minimal")
    assert "On Trust" in (output / "on-trust" / "index.html").read_text()
