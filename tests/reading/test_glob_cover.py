"""One glob behind another: never claimed where some path tells them apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itil_gate.reading.glob_cover import covers
from itil_gate.reading.globs import compile_globs


@pytest.mark.parametrize(
    ("outer", "inner", "answer"),
    [
        ("src/**", "src/a/**", True),
        ("src/**", "src/**/x", True),
        ("src/**", "src/*", True),
        ("src/**", "src", False),
        ("src/*", "src/**", False),
        ("**", "**/*", True),
        ("**", "src/**", True),
        ("src/**", "**", False),
        ("**/*.sql", "db/*.sql", True),
        ("**/*.sql", "db/**", False),
        ("**/x", "x", True),
        ("**/a/**", "**/a/b/**", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/**/b", True),
        ("a/**/b", "a/**", False),
        ("a*c", "abc", True),
        ("a?.py", "ab.py", True),
        ("a?.py", "a*.py", False),
        ("a/**", "a/**", True),
        ("a//b", "a//b", False),
    ],
)
def test_whether_a_glob_stands_behind_another(outer: str, inner: str, answer: bool) -> None:  # noqa: FBT001
    assert covers(outer, inner) is answer


SEGMENT = st.text("ab*?", min_size=1, max_size=3).filter(lambda text: "**" not in text)
GLOBS = st.lists(st.one_of(SEGMENT, st.just("**")), min_size=1, max_size=4).map("/".join)
PATHS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


@given(outer=GLOBS, inner=GLOBS, path=PATHS)
@settings(max_examples=600, deadline=None)
def test_no_path_gets_past_a_glob_that_covers(outer: str, inner: str, path: str) -> None:
    if covers(outer, inner) and compile_globs([inner])(path):
        assert compile_globs([outer])(path)


@given(glob=GLOBS, path=PATHS)
@settings(max_examples=300, deadline=None)
def test_a_glob_covers_just_the_plain_paths_that_it_matches(glob: str, path: str) -> None:
    assert covers(glob, path) == compile_globs([glob])(path)
