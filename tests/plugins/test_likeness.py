"""What is alike is found by what is shared, and a change is looked for where it may make a difference."""

from hypothesis import given, settings
from hypothesis import strategies as st

from plugins import likeness
from plugins.likeness import Features, Index, may_be_others

FEATURES = st.dictionaries(st.sampled_from([f"f{n}" for n in range(9)]), st.integers(1, 4), max_size=5)
THINGS = st.dictionaries(st.integers(0, 60), FEATURES, max_size=40)


def found(things: dict[int, Features]) -> dict[int, list[int]]:
    """What is most like each thing, by their numbers, of which the order is."""
    numbers = sorted(things)
    index = Index([things[number] for number in numbers])
    return {number: [numbers[other] for other in index.nearest(place, 3)] for place, number in enumerate(numbers)}


@given(before=THINGS, now=THINGS, kept=st.sets(st.integers(0, 60)), reach=st.integers(1, 4))
@settings(max_examples=400, deadline=None)
def test_what_may_be_others_is_all_that_is_others(
    before: dict[int, Features], now: dict[int, Features], kept: set[int], reach: int
) -> None:
    """Things come, change and go at random; whatever is not looked at again would be found as it was."""
    usual, likeness.REACH = likeness.REACH, reach
    try:
        now = {**now, **{number: before[number] for number in kept if number in before}}
        numbers = sorted(now)
        changed = [place for place, number in enumerate(numbers) if before.get(number) != now[number]]
        others = [number for number in before if now.get(number) != before[number]]
        was = [(before[number], len([one for one in numbers if one < number])) for number in others]
        again = may_be_others(Index([now[number] for number in numbers]), changed, was)
        then, after = found(before), found(now)
        assert {n for n in numbers if then.get(n) != after[n]} <= {numbers[place] for place in again}
    finally:
        likeness.REACH = usual


def test_one_more_among_many_concerns_few() -> None:
    """Of ten thousand that all share something, a new one is looked for beside its neighbours alone."""
    things: list[Features] = [{"all": 1, f"few {n % 1000}": 2} for n in range(10_001)]
    assert len(may_be_others(Index(things), [5_000], [])) < 5 * likeness.REACH


def test_rare_features_tell_more_than_those_that_many_have() -> None:
    """One that shares a rare feature is nearer than three that share what everybody has."""
    things: list[Features] = [{"usual": 1} for _ in range(40)]
    things[20] |= {"rare": 1}
    things[30] |= {"rare": 1}
    assert Index(things).nearest(20, 1) == [30]
