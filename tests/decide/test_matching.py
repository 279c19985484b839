"""k approvals are k distinct people, found by matching over all requirements."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from itil_gate.decide.matching import Need, match

PEOPLE = ("ann", "ben", "cho", "dan")


def test_a_person_is_moved_aside_where_that_serves_both_requirements() -> None:
    needs = [Need("owner", 1, frozenset({"ann", "ben"})), Need("board", 1, frozenset({"ann"}))]
    assert match(needs, ["ann", "ben"]) == {"owner": ("ben",), "board": ("ann",)}


def test_nobody_fills_two_slots() -> None:
    needs = [Need("owner", 1, frozenset({"ann"})), Need("board", 1, frozenset({"ann"}))]
    placed = match(needs, ["ann"])
    assert sorted(len(people) for people in placed.values()) == [0, 1]


def test_people_placed_before_stay_placed() -> None:
    needs = [Need("owner", 1, frozenset({"ann", "ben"})), Need("board", 1, frozenset({"ann"}))]
    first = match(needs, ["ann"])
    second = match(needs, ["ben"], placed=first)
    assert {person for people in second.values() for person in people} == {"ann", "ben"}


needs_strategy = st.lists(
    st.tuples(st.integers(1, 2), st.frozensets(st.sampled_from(PEOPLE))), min_size=1, max_size=3
).map(lambda rows: [Need(str(key), count, who) for key, (count, who) in enumerate(rows)])


def _brute(needs: list[Need], people: frozenset[str]) -> int:
    slots = [need for need in needs for _ in range(need.count)]
    best = 0
    for choice in product([None, *people], repeat=len(slots)):
        named = [person for person in choice if person is not None]
        fits = all(person in slot.who for person, slot in zip(choice, slots, strict=True) if person)
        if fits and len(named) == len(set(named)):
            best = max(best, len(named))
    return best


@given(needs_strategy, st.frozensets(st.sampled_from(PEOPLE)))
def test_the_matching_is_as_large_as_any(needs: list[Need], people: frozenset[str]) -> None:
    placed = match(needs, sorted(people))
    everyone = [person for members in placed.values() for person in members]
    assert len(everyone) == len(set(everyone)) == _brute(needs, people)
    for need in needs:
        assert len(placed[need.key]) <= need.count
        assert set(placed[need.key]) <= need.who & people


lenders_strategy = st.dictionaries(
    st.sampled_from(PEOPLE),
    st.frozensets(st.sampled_from(PEOPLE[:3]), min_size=1, max_size=2),
    max_size=2,
)


@given(needs_strategy, st.lists(lenders_strategy, min_size=3, max_size=3))
def test_who_speaks_for_others_takes_the_seat_of_one_of_them(
    rows: list[Need], speakers: list[dict[str, frozenset[str]]]
) -> None:
    needs = [
        Need(need.key, need.count, need.who, lent)
        for need, lent in zip(rows, speakers, strict=False)
    ]
    choices = [
        [None, *((need, seat) for need in needs if one in need.who for seat in seats(need, one))]
        for one in PEOPLE
    ]
    best = 0
    for choice in product(*choices):
        chairs = [(need.key, seat) for need, seat in filter(None, choice)]
        counts = [sum(key == need.key for key, _ in chairs) <= need.count for need in needs]
        if len(set(chairs)) == len(chairs) and all(counts):
            best = max(best, len(chairs))
    placed = match(needs, PEOPLE)
    everyone = [person for members in placed.values() for person in members]
    assert len(everyone) == len(set(everyone)) == best
    assert match(needs, PEOPLE[::-1]) == placed
    first = match(needs, PEOPLE[:2])
    extended = match(needs, PEOPLE, placed=first)
    assert sum(map(len, extended.values())) == best
    assert {one for some in first.values() for one in some} <= {
        one for some in extended.values() for one in some
    }


def seats(need: Need, person: str) -> frozenset[str]:
    return need.speaks_for.get(person, frozenset({person}))


@given(needs_strategy, st.permutations(PEOPLE))
def test_the_order_of_people_does_not_matter(needs: list[Need], people: list[str]) -> None:
    assert match(needs, people) == match(needs, sorted(people))


def test_nobody_is_dropped_from_a_seat_to_make_room_for_another_voice() -> None:
    """Both a and b speak for p; that c could go elsewhere gives p no second voice."""
    lent = {"a": frozenset("p"), "b": frozenset("p")}
    needs = [Need("n", 2, frozenset("abc"), lent), Need("m", 1, frozenset("c"))]
    placed = match(needs, ["b"], placed={"n": ("a", "c")})
    assert "a" in placed["n"]
    assert "b" not in placed["n"]


def test_a_need_for_nobody_takes_nobody() -> None:
    assert match([Need("n", 0, frozenset("a"))], ["a"]) == {"n": ()}
