"""The works that are measured, and the order in which the sides do them.

The sides take turns, so that whatever else the machine does hits all of them alike. A side whose first run of a
work takes longer than a minute does it once. So do the others where only this site promises something.

Here programs are measured that build and end. How long a save takes until its page is seen is another matter
(saved), with another clock, and of this site alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from processes import Taken
from sides import Site

VERY_LONG_SECONDS = 60


@dataclass(frozen=True)
class Work:
    """One row of the table; `name` is its key in the results."""

    name: str
    title: str
    group: str
    size: str
    step: Callable[[Site], Taken] | None
    runs: int = 3
    rival_runs: int = 3


def cold(site: Site) -> Taken:
    """Build with nothing there: no output, no store, no cache."""
    site.lay_out()
    return site.build(warm=False)


def one_more_post(site: Site) -> Taken:
    """Publish a post that no build has seen."""
    site.add_post()
    return site.build(warm=True)


def nothing_changed(site: Site) -> Taken:
    """Build what is built already."""
    return site.build(warm=True)


def template_changed(site: Site) -> Taken:
    """Change a word in the template of every page."""
    site.change_template()
    return site.build(warm=True)


WORKS = [
    Work("cold_small", "cold", "cold", "small", cold),
    Work("cold_large", "cold", "cold", "large", cold),
    Work("one_more_post_large", "one more post", "one-more", "large", one_more_post),
    Work("nothing_changed_large", "nothing changed", "unchanged", "large", nothing_changed, rival_runs=1),
    Work("template_changed_large", "a template changed", "template", "large", template_changed, rival_runs=1),
    Work("saved_small", "saved, until it is seen", "saved", "small", None),
    Work("saved_large", "saved, until it is seen", "saved", "large", None),
    Work("cold_growth", "cold", "growth", "growth", cold, runs=1),
    Work("one_more_post_growth", "one more post", "growth", "growth", one_more_post),
]


def measure(work: Work, sites: Sequence[Site], most_runs: int) -> dict[str, Any]:
    """Let all sides do a work in turns; return what it took each of them."""
    assert work.step, work.name
    taken: dict[str, list[Taken]] = {site.side.name: [] for site in sites}
    for number in range(most_runs):
        for site in sites:
            runs = taken[site.side.name]
            wanted = min(most_runs, work.runs if site.side.name == "ours" else work.rival_runs)
            if number >= wanted or (runs and runs[0].wall_seconds > VERY_LONG_SECONDS):
                continue
            if work.step is not cold and not site.is_warm:
                say(f"{site.side.title}: a build that is not measured, so that the next one finds it")
                site.build(warm=True)
            runs.append(work.step(site))
            say(f"{work.title}, {site.corpus.count:,} posts, run {number + 1}: {site.side.title} {took(runs[-1])}")
    return {"posts": sites[0].corpus.count, "sides": {name: sum_up(runs) for name, runs in taken.items()}}


def took(run: Taken) -> str:
    """Return a run's figures for whoever waits."""
    return f"{run.wall_seconds:.2f} s, CPU {run.cpu_seconds:.2f} s, {run.peak_memory_mb:.0f} MB"


def sum_up(runs: Sequence[Taken]) -> dict[str, Any]:
    """Return the median of each figure, and all that were measured."""
    each = [asdict(run) for run in runs]
    medians = {f"{figure}_median": round(median(run[figure] for run in each), 3) for figure in each[0]}
    return {**medians, "runs": len(runs), "wall_seconds_each": [round(run.wall_seconds, 3) for run in runs]}


def say(line: str) -> None:
    """Print a line of progress."""
    print(line, flush=True)
