from __future__ import annotations

import time
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.reading.globs import GlobError, compile_globs, matching, overlaps


def matches(glob: str, path: str) -> bool:
    return compile_globs([glob])(path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("a", "a"),
        ("a/b", "a/b"),
        ("*", "a"),
        ("*", "a\nb"),
        ("*.py", "a.py"),
        ("*.py", ".py"),
        ("a?c", "abc"),
        ("a?c", "a\nc"),
        ("a*", "a"),
        ("a*b*c", "aXbYbZc"),
        ("*a*a*", "xaxa"),
        ("**", "a"),
        ("**", "a/b/c"),
        ("a/**", "a/b"),
        ("a/**", "a/b/c"),
        ("**/x", "x"),
        ("**/x", "a/b/x"),
        ("a/**/b", "a/b"),
        ("a/**/b", "a/x/y/b"),
        ("**/a/**/b", "x/a/a/b/b"),
        ("**/a/**", "a/a"),
        ("**/a/*/b", "a/a/x/b"),
        ("**/a?/b*", "a/ab/ac/bd"),
        ("a/**/**/b", "a/b"),
        ("*/**", "a/b"),
        ("**/*", "a"),
        ("**/*/c", "b/c"),
        ("[ab]", "[ab]"),
        ("{a,b}", "{a,b}"),
        ("a.b", "a.b"),
        (r"a\*", r"a\b"),
        ("a b/c", "a b/c"),
        (".github/**", ".github/workflows/x.yml"),
        ("**/.gitattributes", "a/.gitattributes"),
        ("ü/*", "ü/ß"),
    ],
)
def test_a_glob_matches_the_whole_path(glob: str, path: str) -> None:
    assert matches(glob, path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("a", "A"),
        ("a", "a/b"),
        ("b", "a/b"),
        ("a", "a\n"),
        ("*", "a/b"),
        ("*", ""),
        ("a?c", "a/c"),
        ("a?c", "ac"),
        ("a/**", "a"),
        ("a/**", "ab/c"),
        ("**", ""),
        ("**/x", "ax"),
        ("**/x", "x/y"),
        ("a/**/b", "a/xb"),
        ("a/**/b", "ab"),
        ("**/*/c", "c"),
        ("*/**", "a"),
        ("a.b", "axb"),
        ("[ab]", "a"),
        ("*.py", "a.pyc"),
        ("a*b*c", "aXcYbZ"),
        ("ab*ba", "aba"),
        ("**/a/b", "a/b/c"),
    ],
)
def test_a_glob_does_not_match_more(glob: str, path: str) -> None:
    assert not matches(glob, path)


def test_no_globs_match_nothing_and_several_match_what_any_does() -> None:
    assert not compile_globs([])("a")
    either = compile_globs(["src/**", "*.md"])
    assert [either(path) for path in ("src/a", "README.md", "docs/a.md")] == [True, True, False]
    assert matching(["src/**", "**", "docs/**"], "src/a") == ("src/**", "**")


@pytest.mark.parametrize(
    "glob",
    [
        "",
        "/a",
        "!a",
        "a//b",
        "a/",
        "./a",
        "a/../b",
        "..",
        "a**",
        "**a",
        "a/**b/c",
        "***",
        "a/.",
        "/",
    ],
)
def test_what_is_no_glob_is_refused_with_a_remedy(glob: str) -> None:
    with pytest.raises(GlobError) as caught:
        compile_globs(["ok", glob])
    assert caught.value.remedy
    with pytest.raises(GlobError):
        overlaps("ok", glob)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*a" * 200 + "b", "a" * 4000),
        ("**/a/" * 100 + "b", "a/" * 2000 + "a"),
        ("**/*a*a*a*a*b/**/c", ("a" * 50 + "/") * 80 + "c"),
        ("*?" * 200 + "b", "a" * 4000),
        ("**/" * 150 + "b", "a/" * 2000 + "a"),
        ("**/" + "*/" * 200 + "x", "a/" * 2000 + "y"),
    ],
)
def test_hostile_globs_are_matched_in_a_moment(glob: str, path: str) -> None:
    begun = time.perf_counter()
    assert not matches(glob, path)
    assert time.perf_counter() - begun < 2


SEGMENTS = st.text("ab*?", min_size=1, max_size=4).filter(lambda text: "**" not in text)
GLOBS = st.lists(st.one_of(st.just("**"), SEGMENTS), min_size=1, max_size=5).map("/".join)
PATHS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=5).map("/".join)


def slow(glob: str, path: str) -> bool:
    """Match by trying everything, as the rules are worded."""
    wanted, given = glob.split("/"), path.split("/")

    @cache
    def same(i: int, j: int) -> bool:
        if i == len(wanted):
            return j == len(given)
        if wanted[i] == "**" and i == len(wanted) - 1:
            return j < len(given)
        if wanted[i] == "**":
            return any(same(i + 1, k) for k in range(j, len(given) + 1))
        return j < len(given) and text(wanted[i], given[j]) and same(i + 1, j + 1)

    def text(pattern: str, name: str) -> bool:
        if not pattern:
            return not name
        if pattern[0] == "*":
            return any(text(pattern[1:], name[k:]) for k in range(len(name) + 1))
        return bool(name) and pattern[0] in {"?", name[0]} and text(pattern[1:], name[1:])

    return same(0, 0)


@given(GLOBS, PATHS)
def test_matching_agrees_with_a_slow_matcher(glob: str, path: str) -> None:
    assert matches(glob, path) == slow(glob, path)


PLAIN = st.tuples(st.sampled_from(["", "**/", "**/*"]), PATHS, st.sampled_from(["", "/**"])).map(
    "".join
)


@given(st.lists(st.one_of(PLAIN, GLOBS), max_size=6), PATHS)
def test_several_globs_match_where_one_of_them_does(globs: list[str], path: str) -> None:
    assert compile_globs(globs)(path) == any(slow(glob, path) for glob in globs)
    assert matching(globs, path) == tuple(glob for glob in globs if slow(glob, path))


@given(GLOBS, GLOBS, PATHS)
def test_globs_that_match_one_path_overlap(one: str, other: str, path: str) -> None:
    if slow(one, path) and slow(other, path):
        assert overlaps(one, other)
    assert overlaps(one, other) == overlaps(other, one)
    assert overlaps(one, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "b"),
        ("a/**", "a"),
        ("a/**", "b/**"),
        ("*.py", "*.md"),
        ("a/*", "a/b/*"),
        ("a?", "a"),
        ("**/x/y", "*/y/x"),
        ("src/*/a", "src/**/b"),
        ("a*", "b*"),
    ],
)
def test_globs_without_a_common_path_do_not_overlap(one: str, other: str) -> None:
    assert not overlaps(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("**", "a"),
        ("a/**", "**/b"),
        ("a*", "*b"),
        ("a/**/c", "a/b/*"),
        ("*/b", "a/*"),
        ("**/x/**", "**/y/**"),
        ("a/**", "a/**/b"),
        ("?", "*"),
    ],
)
def test_globs_with_a_common_path_overlap(one: str, other: str) -> None:
    assert overlaps(one, other)


@given(GLOBS, GLOBS)
def test_short_globs_overlap_only_if_some_short_path_matches_both(one: str, other: str) -> None:
    short = [glob.replace("*", "").replace("/", "") for glob in (one, other)]
    if max(map(len, short)) > 1 or one.count("/") + other.count("/") > 2:
        return
    names = ["a", "b", "aa", "ab", "ba", "bb", "aaa", "bab", "aba"]
    paths = [""]
    everything: list[str] = []
    for _ in range(4):
        paths = [f"{path}/{name}".lstrip("/") for path in paths for name in names[:6]]
        everything += paths
    both = any(slow(one, path) and slow(other, path) for path in everything)
    assert overlaps(one, other) == both
