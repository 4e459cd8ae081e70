# SPDX-License-Identifier: AGPL-3.0-or-later
"""Finds what is most like something among many, by what they share.

An inverted index leads from each feature to those that have it. Of many, each sees the REACH before and after it
in their order. So the work grows with their number, and not with its square, and one more changes what is found
for a few: for those near it that share something with it. Weights are whole numbers, so that no order of adding
matters.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import nsmallest

Features = dict[str, int]
"""What stands for something, with weights."""

REACH = 10
"""How many before and after it one feature leads to."""

RAREST = 16
"""How much more a feature tells that few have: it falls by one with each doubling of their number."""


def rarity(uses: int) -> int:
    """Return how much a feature tells that so many have."""
    return max(1, RAREST - uses.bit_length())


class Index:
    """Things by their features; each is known by its place in their order."""

    def __init__(self, of_things: Sequence[Features]) -> None:
        self.of_things = of_things
        self.uses: dict[str, list[int]] = defaultdict(list)
        self.weights: dict[str, list[int]] = defaultdict(list)
        for place, mine in enumerate(of_things):
            for name, weight in mine.items():
                self.uses[name].append(place)
                self.weights[name].append(weight)

    def nearest(self, place: int, count: int) -> list[int]:
        """Return the places of the most similar things, at most so many; of equals the earlier one comes first."""
        scores: dict[int, int] = {}
        known = scores.get
        for name, weight in self.of_things[place].items():
            uses, weights = self.uses[name], self.weights[name]
            worth = weight * rarity(len(uses))
            own = bisect_left(uses, place)
            near = slice(max(0, own - REACH), own + 1 + REACH)
            for other, of_other in zip(uses[near], weights[near], strict=True):
                scores[other] = known(other, 0) + worth * of_other
        scores.pop(place, None)
        return [other for _, other in nsmallest(count, ((-score, other) for other, score in scores.items()))]


def may_be_others(index: Index, changed: Iterable[int], before: Sequence[tuple[Features, int]]) -> set[int]:
    """Return the places for which something else may be found than was found before some things changed.

    `changed` are the places of those that are new or others now; `before` is what they and those that are gone
    were, each with the place where it would stand now.
    """
    near: dict[str, list[int]] = defaultdict(list)
    grown: Counter[str] = Counter()
    found = set(changed)
    for place in found:
        for name in index.of_things[place]:
            near[name].append(place)
            grown[name] += 1
    for features, place in before:
        for name in features:
            near[name].append(place)
            grown[name] -= 1
    for name, places in near.items():
        uses, reach = index.uses.get(name, []), REACH + len(places)
        if rarity(len(uses)) != rarity(len(uses) - grown[name]) or 2 * reach * len(places) >= len(uses):
            found.update(uses)
            continue
        for place in places:
            at = bisect_left(uses, place)
            found.update(uses[max(0, at - reach) : at + reach])
    return found
