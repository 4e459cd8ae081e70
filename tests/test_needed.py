"""A test that needs a program which is not there is skipped, but never on the build server."""

import pytest
from needed import needed


@pytest.mark.parametrize(("said", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_program_is_told_with_its_package(
    monkeypatch: pytest.MonkeyPatch, said: str, outcome: type[BaseException]
) -> None:
    """CI=true asks for every test; elsewhere one goes on without it, and reads what to install."""
    monkeypatch.setenv("CI", said)
    with pytest.raises(outcome, match="no-such-program cannot be found: apt install such-a-package"):
        needed("sh", "no-such-program", package="such-a-package")


def test_a_program_that_is_there_lets_a_test_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is skipped, nor failed."""
    monkeypatch.setenv("CI", "true")
    needed("sh", package="dash")
