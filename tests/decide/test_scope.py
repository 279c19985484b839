"""The smallest honest scope: it covers every path and widens as little as it can."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from itil_gate.decide.scope import FEW, exact, smallest_scope
from itil_gate.model.paths import glob_fault
from itil_gate.reading.globs import compile_globs

SEGMENT = st.text(st.sampled_from("ab*?! .[]{}\\é"), min_size=1, max_size=4).filter(
    lambda text: text not in {".", ".."}
)
PATHS = st.lists(st.lists(SEGMENT, min_size=1, max_size=5).map("/".join), min_size=1, max_size=40)


@given(PATHS)
def test_every_path_is_covered_by_globs_that_are_accepted(paths: list[str]) -> None:
    scope = smallest_scope(paths)
    assert not [glob for glob in scope if glob_fault(glob)]
    holds = compile_globs(scope)
    assert all(holds(path) for path in paths)


@given(PATHS)
def test_up_to_a_few_paths_are_named_one_by_one(paths: list[str]) -> None:
    few = paths[:FEW]
    scope = smallest_scope(few)
    assert not [glob for glob in scope if glob.endswith("/**") or glob == "**"]


def test_many_paths_become_the_deepest_folders_that_suffice() -> None:
    paths = [f"src/api/v1/f{number}.py" for number in range(20)] + ["src/app.py", "README.md"]
    assert smallest_scope(paths) == ("README.md", "src/api/v1/**", "src/app.py")


def test_folders_are_widened_only_as_far_as_needed() -> None:
    paths = [f"src/p{folder}/f{number}.py" for folder in range(4) for number in range(5)]
    single = [f"src/p3/f{number}.py" for number in range(5)]
    assert smallest_scope(paths) == ("src/p0/**", "src/p1/**", "src/p2/**", *single)
    paths = [f"src/p{folder:02}/f{number}.py" for folder in range(20) for number in range(2)]
    assert smallest_scope(paths) == ("src/**",)


def test_files_at_the_root_never_become_everything() -> None:
    paths = [f"file{number}.txt" for number in range(50)]
    assert smallest_scope(paths) == tuple(sorted(paths))


def test_the_judges_data_are_named_singly() -> None:
    judge = [f"policies/p{number}.yaml" for number in range(12)]
    others = [f"src/f{number}.py" for number in range(12)]
    scope = smallest_scope([*judge, *others], singly=judge)
    assert scope == (*sorted(judge), "src/**")


def test_what_is_named_singly_counts_as_one_of_the_few() -> None:
    judge = [f"policies/p{number}.yaml" for number in range(4)]
    others = [f"src/f{number}.py" for number in range(6)]
    assert smallest_scope([*judge, *others], singly=judge) == (*judge, "src/**")
    assert smallest_scope([*judge, *others[:4]], singly=judge) == (*judge, *others[:4])
    assert smallest_scope(()) == ()


def test_the_fullest_folder_is_taken_first_and_of_equals_the_first_by_name() -> None:
    paths = [f"b/{number}" for number in range(7)] + ["aaa/x", "aaa/y"]
    assert smallest_scope(paths) == ("aaa/x", "aaa/y", "b/**")
    pairs = [f"{folder}/{name}" for folder in "abcdefghij" for name in "xy"]
    assert smallest_scope(pairs, few=19) == ("a/**", *pairs[2:])
    assert smallest_scope(pairs[:4], few=1) == ("a/**", "b/**")
    assert smallest_scope(pairs[:2], few=1) == ("a/**",)


def test_only_a_folder_that_holds_several_paths_stands_for_them() -> None:
    alone = [f"f{number}/x" for number in range(10)]
    assert smallest_scope(alone) == tuple(alone)
    root = [f"r{number}" for number in range(7)]
    assert smallest_scope(["a/x", "a/y", *root]) == ("a/**", *root)
    swapped = ["a/b", *(f"a/b/{number}" for number in range(9))]
    assert smallest_scope(swapped) == ("a/b", "a/b/**")


def test_a_glob_has_five_hundred_characters_at_most() -> None:
    assert exact("a/" + "x" * 498) == "a/" + "x" * 498
    assert exact("a/" + "x" * 499) == "a/**"
    assert exact(f"a/{'b' * 496}/{'x' * 9}") == "a/**"


def test_what_no_glob_may_hold_is_matched_by_a_single_character() -> None:
    assert exact("!a/b*c") == "?a/b?c"
    assert exact("x" * 600) == "**"
    assert exact("a/" + "x" * 600) == "a/**"
