"""What was promised about the build (issue 4), and whether the figures keep it.

A bar is kept or missed only where everything that it speaks of was measured. The bars mean 10,000 and 1,000 posts;
with other numbers of posts they are printed all the same, as a hint.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Bar:
    """One promise: a figure, the most that it may be, and the most that it should be."""

    text: str
    unit: str
    figure: Callable[[Measured], float]
    most: float | None
    aim: float | None = None


def wall(work: str, side: str = "ours") -> Callable[[Measured], float]:
    """Return how to look up a wall time."""
    return lambda measured: float(measured[work]["sides"][side]["wall_seconds_median"])


def ratio(work: str, side: str, other_work: str, other: str) -> Callable[[Measured], float]:
    """Return how to divide one wall time by another."""
    return lambda measured: wall(work, side)(measured) / wall(other_work, other)(measured)


def memory(measured: Measured) -> float:
    """Return this site's peak of memory in the cold build."""
    return float(measured["cold_large"]["sides"]["ours"]["peak_memory_mb_median"])


ONE, SAME, GROWN = "one_more_post_large", "nothing_changed_large", "one_more_post_growth"
COLD, SMALL = "cold_large", "cold_small"
BARS = [
    Bar("one more post", "s", wall(ONE), 2.0, 1.0),
    Bar("one more post, of Hugo with related posts", "times", ratio(ONE, "ours", ONE, "hugo-related"), 0.1),
    Bar("nothing changed", "s", wall(SAME), 1.0, 0.5),
    Bar("cold, of Hugo with related posts", "times", ratio(COLD, "ours", COLD, "hugo-related"), 1.0),
    Bar("cold, of Hugo without related posts", "times", ratio(COLD, "ours", COLD, "hugo"), None, 2.6),
    Bar("cold, of stock Pelican", "times", ratio(COLD, "ours", COLD, "stock"), 0.5),
    Bar("cold, of a tenth of the posts", "times", ratio(COLD, "ours", SMALL, "ours"), 10.0),
    Bar("cold, a tenth of the posts, of stock Pelican", "times", ratio(SMALL, "ours", SMALL, "stock"), 0.6, 0.5),
    Bar("a template changed, of cold", "times", ratio("template_changed_large", "ours", COLD, "ours"), 0.35),
    Bar("saved, until it is seen, a tenth of the posts", "s", wall("saved_small"), 0.15, 0.08),
    Bar("saved, until it is seen", "s", wall("saved_large"), 0.4, 0.2),
    Bar("memory, cold, all processes", "MB", memory, 600),
    Bar("one more post at five times the posts", "times", ratio(GROWN, "ours", ONE, "ours"), 5.0),
]


def judge(measured: Measured) -> list[dict[str, Any]]:
    """Return each bar with its figure and whether bar and aim are met, None where that was not measured."""
    answer = []
    for bar in BARS:
        try:
            figure = round(bar.figure(measured), 3)
        except KeyError:
            continue
        answer.append(
            {
                "promise": bar.text,
                "unit": bar.unit,
                "measured": figure,
                "bar": bar.most,
                "bar_is_met": None if bar.most is None else figure <= bar.most,
                "aim": bar.aim,
                "aim_is_met": None if bar.aim is None else figure <= bar.aim,
            }
        )
    return answer
