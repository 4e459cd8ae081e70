"""Two builds of the same sources are equal, byte for byte."""

from pathlib import Path

import pytest
from small_sites import RunPelican, theme_folder
from test_feeds import FILES


def everything(folder: Path) -> dict[str, bytes]:
    """Each file's bytes, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_builds_are_byte_identical(
    run_pelican: RunPelican, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the order of sets, nor the time zone of the machine, nor the time of day is in the output."""
    minimal = str(theme_folder(tmp_path, "minimal"))
    built = []
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        monkeypatch.setenv("TZ", zone)
        done = run_pelican(FILES, "-t", minimal)
        assert done.returncode == 0, done.stdout + done.stderr
        (tmp_path / "output").rename(tmp_path / f"output-{seed}")
        built.append(everything(tmp_path / f"output-{seed}"))
    assert sorted(built[0]) == sorted(built[1])
    assert [name for name, data in built[0].items() if built[1][name] != data] == []
