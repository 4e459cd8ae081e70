"""What a result depends on is seen, and stands in a text that is equal in every process for what is equal."""

import re
import subprocess
import sys
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_sites import ROOT

from plugins.incremental.code_stamp import stamp, version_of
from plugins.incremental.inputs import EVERYTHING, FILE, Unstable, Watched, described, seen, value_of
from plugins.incremental.opened_files import opened

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_two_values_have_one_text_only_if_they_are_equal(one: Any, other: Any) -> None:
    """So a changed setting never passes for the old one."""
    assert described(one) == described(deepcopy(one))
    if described(one) == described(other):
        assert one == other


class Extension:
    """As a site's settings may hold one."""

    def __init__(self, **config: Any) -> None:
        self.config = config


def test_a_text_is_the_same_in_another_process() -> None:
    """No address in memory and no order of a set is in it."""
    code = (
        "import re, sys; sys.path += ['.', 'tests/plugins']\n"
        "from functools import partial; from pathlib import Path\n"
        "from test_incremental_inputs import Extension; from plugins.incremental.inputs import described\n"
        "print(described([{'a', 'b', 'c', 'd'}, Path('x'), re.compile('x', re.I), partial(int, base=2), len,"
        " Extension(a={1, 2})]))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
    assert described(Extension(a=1)) != described(Extension(a=2))
    assert described(re.compile("x")) != described(re.compile("x", re.I))
    assert described(partial(int, base=2)) != described(partial(int, base=3))


def test_what_has_no_stable_text_is_never_taken_for_known() -> None:
    """A function without a name may be any; so may what leads back to itself."""
    endless: list[Any] = []
    endless.append(endless)
    for unstable in (lambda: 1, endless, object()):
        with pytest.raises(Unstable):
            described(unstable)
    assert seen({"A": lambda: 1, "B": 1}, {"A", "B"}) is None


def test_settings_are_seen_however_they_are_looked_at() -> None:
    """Asked for, asked for in vain, or all at once; the settings themselves are not copied."""
    settings: dict[str, Any] = {"A": 1, "B": 2}
    watched = Watched(settings)
    assert (watched["A"], watched.get("C"), "D" in watched) == (1, None, False)
    assert watched.names == {"A", "C", "D"}
    settings["A"] = 5
    assert watched["A"] == 5
    for look in (dict, list, len, Watched.copy, lambda all_of_them: {**all_of_them}):
        watched = Watched(settings)
        look(watched)
        assert EVERYTHING in watched.names
    assert value_of(settings, EVERYTHING) != value_of({**settings, "E": 1}, EVERYTHING)


def test_files_that_are_read_are_seen(tmp_path: Path) -> None:
    """By whatever means; what is written, and code, is not."""
    for name in ("a", "b", "c.py", "d"):
        (tmp_path / name).write_text(name)
    with opened() as outer:
        (tmp_path / "a").read_text()
        with opened() as inner, (tmp_path / "b").open("rb") as file:
            file.read()
        (tmp_path / "c.py").read_text()
        (tmp_path / "d").write_text("new")
    assert (inner, outer) == ({str(tmp_path / "b")}, {str(tmp_path / "a"), str(tmp_path / "b")})
    (tmp_path / "a").read_text()
    assert len(outer) == 2
    told = value_of({}, f"{FILE}{tmp_path}/a")
    (tmp_path / "a").write_text("another")
    assert value_of({}, f"{FILE}{tmp_path}/a") != told
    (tmp_path / "a").unlink()
    assert value_of({}, f"{FILE}{tmp_path}/a") == ""


def test_code_counts_by_its_version_or_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with a version is believed; of another, every source file counts, wherever it lies in it."""
    assert version_of("markdown")[0].isdigit()
    assert version_of("no_such_package") == ""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "their_plugins" / "deeper").mkdir(parents=True)
    for file in ("__init__.py", "one.py", "deeper/__init__.py", "deeper/two.py"):
        (tmp_path / "their_plugins" / file).write_text("A = 1\n")
    before = stamp(["their_plugins.one"])
    assert stamp(["their_plugins.one"]) == before
    (tmp_path / "their_plugins" / "deeper" / "two.py").write_text("A = 2\n")
    version_of.cache_clear()
    assert stamp(["their_plugins.one"]) != before
