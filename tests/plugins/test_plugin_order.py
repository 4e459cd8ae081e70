"""The plugins' order changes nothing: Pelican's signals call their receivers in no fixed order."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from pelican.settings import read_settings
from small_sites import ALICE, ROOT, post, write_files
from test_baked_comments import told
from test_sitemap import PAGE, WHITEPAPER

BUILD = """
import json, sys
from collections.abc import MutableSet
import blinker

class InOrder(MutableSet):
    def __init__(self, items=()):
        self.items = dict.fromkeys(items)
    def __contains__(self, item):
        return item in self.items
    def __iter__(self):
        return iter(list(self.items))
    def __len__(self):
        return len(self.items)
    def add(self, item):
        self.items[item] = None
    def discard(self, item):
        self.items.pop(item, None)
    def copy(self):
        return InOrder(self.items)

blinker.Signal.set_class = InOrder  # receivers are called in the order they were connected in
from pelican import Pelican
from pelican.settings import read_settings

Pelican(read_settings("pelicanconf.py", override=json.loads(sys.argv[1]))).run()
"""
FILES: dict[str, str | bytes] = {
    **{f"p{n}.md": post(f"P{n}", f"2024-02-{n // 2 + 1:02}", f"Words of {n % 5}.") for n in range(22)},
    "on-trust.md": post(
        "On Trust",
        "2024-03-01",
        "One.\n\n[whitepaper: asking]\n\nTwo. ![x]({attach}a.svg) [next]({filename}draft.md) [p]({filename}p1.md)",
        tags="[trust, asking]",
        more="related: [p3]\n",
    ),
    "vertrauen.md": post("Vertrauen", "2024-03-01", "Ein paar Worte.", more="lang: de\n"),
    "secret.md": post("Secret", "2024-03-02", "[whitepaper: asking]", more="status: hidden\n"),
    "draft.md": post("Draft", "2024-03-03", "![x]({static}/images/plan.png)", more="status: draft\n"),
    "a.svg": "<svg/>",
    "images/plan.png": b"plan",
    "images/free.png": b"free",
    "authors/alice-archer.md": ALICE,
    "pages/about.md": PAGE.format(""),
    "whitepapers/asking.md": WHITEPAPER.format(""),
    "whitepapers/asking.2.md": WHITEPAPER.format("").replace('"1"', '"2"'),
}
PLUGINS = read_settings(str(ROOT / "pelicanconf.py"))["PLUGINS"]
SHUFFLED = [random.Random(seed).sample(PLUGINS, len(PLUGINS)) for seed in (1, 2)]


def built(folder: Path, plugins: list[str], seed: int) -> dict[str, bytes]:
    """Build the site in `folder` with the plugins registered and called in this order; every file's bytes."""
    output = folder / f"output-{seed}"
    settings = {
        "PATH": str(folder / "content"),
        "OUTPUT_PATH": str(output),
        "VAR_DIR": str(folder / "var"),
        "WHITEPAPER_DIR": str(folder / "var/whitepapers"),
        "SITEURL": "https://blog.example.com",
        "FEED_DOMAIN": "https://blog.example.com",
        "COMMENTS_URL": "",
        "PLUGINS": plugins,
    }
    done = subprocess.run(
        [sys.executable, "-c", BUILD, json.dumps(settings)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    files = (path for path in output.rglob("*") if path.is_file())
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("order", [PLUGINS[::-1], *SHUFFLED], ids=["turned", "shuffled", "shuffled again"])
def test_the_plugins_order_changes_no_byte(tmp_path: Path, order: list[str]) -> None:
    """Turned round and shuffled, with other orders of sets, the plugins build the same site."""
    write_files(tmp_path / "content", FILES)
    write_files(tmp_path / "var", {"comments.json": json.dumps({"etag": '"1"', "comments": [told()]})})
    first, second = built(tmp_path, PLUGINS, 0), built(tmp_path, order, 1)
    assert {"on-trust/a.svg", "vertrauen/index.html", "secret/index.html", "feed.json"} <= set(first)
    assert sorted(first) == sorted(second)
    assert [name for name, data in first.items() if second[name] != data] == []
