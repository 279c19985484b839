"""What of a change nobody can review, by the terms of a risk model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from itil_gate.model.facts import ContentFact, DiffEntry
from itil_gate.model.risk import RiskModel, Unreviewable
from itil_gate.risk.classify import assess
from itil_gate.risk.reviewable import find_unread
from itil_gate.risk.soundness import reachable_scores

if TYPE_CHECKING:
    from itil_gate.risk.reviewable import Unread

ZERO = "0" * 40


def terms(**values: object) -> Unreviewable:
    given = {"lines": 10, "lineLength": 200, "level": "medium", "reason": "Nobody read it."}
    return Unreviewable.model_validate(given | values, strict=False)


def entry(
    path: str, status: str = "M", *, old: str = "a", new: str = "b", mode: str = "100644"
) -> DiffEntry:
    return DiffEntry(
        old_mode="000000" if status == "A" else mode,
        new_mode="000000" if status == "D" else mode,
        old_id=ZERO if status == "A" else old * 40,
        new_id=ZERO if status == "D" else new * 40,
        status=status,  # type: ignore[arg-type]
        path=path,
    )


def fact(
    path: str, kind: str = "text", added: int = 1, deleted: int = 0, longest: int = 9
) -> ContentFact:
    return ContentFact(path=path, kind=kind, added=added, deleted=deleted, longest=longest)  # type: ignore[arg-type]


def found(*pairs: tuple[DiffEntry, ContentFact], **values: object) -> Unread | None:
    return find_unread(
        terms(**values),
        diff=[one for one, _ in pairs],
        contents=[other for _, other in pairs],
    )


def test_lines_of_all_files_are_added_up_and_the_bound_itself_is_fine() -> None:
    pairs = [(entry("a"), fact("a", added=4, deleted=3)), (entry("b"), fact("b", added=3))]
    assert found(*pairs) is None
    more = found(*pairs, (entry("c"), fact("c")))
    assert more is not None
    assert more.reason == "Nobody read it. (11 lines change, more than 10)"
    assert more.paths == ()


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("binary", "1 binary"),
        ("large", "1 larger than 1 MiB"),
        ("elsewhere", "1 only pointing to content that is kept elsewhere"),
        ("unread", "1 beyond the 64 MiB that are read"),
    ],
)
def test_what_is_no_text_is_named(kind: str, word: str) -> None:
    one = found((entry("lib/x"), fact("lib/x", kind)), (entry("a"), fact("a")))
    assert one is not None
    assert one.paths == ("lib/x",)
    assert word in one.reason


def test_a_line_that_nobody_reads_to_its_end_is_named() -> None:
    assert found((entry("a.js"), fact("a.js", longest=200))) is None
    one = found((entry("a.js"), fact("a.js", longest=201)))
    assert one is not None
    assert "1 with new lines of over 200 bytes" in one.reason


def test_what_goes_needs_no_reading() -> None:
    assert found((entry("old.bin", "D"), fact("old.bin", "binary"))) is None
    assert found((entry("old.py", "D"), fact("old.py", added=0, deleted=5000))) is None


def test_text_that_only_moves_counts_nothing_unless_nobody_had_to_read_it_before() -> None:
    pairs = (
        (entry("b.py", "A", new="a"), fact("b.py", added=5000, longest=5000)),
        (entry("a.py", "D"), fact("a.py", added=0, deleted=5000)),
    )
    assert found(*pairs) is None
    assert found(*pairs, exempt=["a.py"]) is not None


def test_text_that_becomes_a_program_or_a_binary_that_moves_counts() -> None:
    program = (entry("b.py", "A", new="a", mode="100755"), fact("b.py", added=5000))
    assert found(program, (entry("a.py", "D"), fact("a.py", added=0))) is not None
    moved = (entry("bin/x", "A", new="a"), fact("bin/x", "binary"))
    assert found(moved, (entry("tests/x", "D"), fact("tests/x", "binary"))) is not None


@pytest.mark.parametrize("mode", ["100755", "120000", "160000"])
def test_only_plain_files_are_exempt(mode: str) -> None:
    plain = (entry("a.png"), fact("a.png", "binary"))
    assert found(plain, exempt=["*.png"]) is None
    assert found((entry("a.png", mode=mode), fact("a.png", "binary")), exempt=["*.png"]) is not None


def test_what_was_not_measured_cannot_be_reviewed() -> None:
    one = find_unread(terms(), diff=[entry("a"), entry("b", "D")], contents=None)
    assert one is not None
    assert one.paths == ("a",)
    assert "not known" in one.reason
    assert find_unread(terms(), diff=[entry("b", "D")], contents=None) is None
    partly = find_unread(terms(), diff=[entry("a"), entry("b")], contents=[fact("a")])
    assert partly is not None
    assert partly.paths == ("b",)


SCORING = {
    "apiVersion": "itil-gate/v1",
    "kind": "RiskModel",
    "metadata": {"name": "risk", "owner": "x", "reviewBy": "2027-01-01"},
    "spec": {
        "impact": {"tiers": [], "unknownTier": 2},
        "matrix": [[0, 0, 0, 0]] + [[20, 20, 20, 20]] * 4,
        "bands": [{"level": "low", "upTo": 29}, {"level": "medium", "upTo": 100}],
        "unreviewable": {"points": 10, "reason": "Nobody read it."},
    },
}


def scoring(**terms: object) -> RiskModel:
    spec = {**SCORING["spec"], "unreviewable": {"reason": "Nobody read it.", **terms}}  # type: ignore[dict-item]
    return RiskModel.model_validate({**SCORING, "spec": spec}, strict=False)


@pytest.mark.parametrize(
    ("given", "score", "level"),
    [
        ({"points": 10}, 30, "medium"),
        ({"points": 9}, 29, "low"),
        ({"level": "high"}, 20, "high"),
        ({"points": 9, "level": "high"}, 29, "high"),
        ({"points": 100}, 100, "medium"),
    ],
)
def test_points_are_added_to_the_score_and_a_level_is_a_floor(
    given: dict[str, object], score: int, level: str
) -> None:
    model = scoring(**given)
    unread = find_unread(terms(), diff=[entry("a")], contents=None)
    risk = assess(None, paths=["a"], models=[model], judge_paths=(), unread=lambda _: unread)
    assert (risk.score, risk.level) == (score, level)
    (one,) = {item.source for item in risk.contributions if item.source.endswith("unreviewable")}
    assert one == "risk:unreviewable"
    assert score in reachable_scores(model.spec)
    calm = assess(None, paths=["a"], models=[model], judge_paths=(), unread=lambda _: None)
    assert (calm.score, calm.level) == (20, "low")


def test_terms_that_nobody_answers_are_an_error_of_ours() -> None:
    with pytest.raises(TypeError, match="reviewed"):
        assess(None, paths=["a"], models=[scoring(level="high")], judge_paths=())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"unreviewable": {"reason": "R."}}, "neither points nor level"),
        ({"unreviewable": {"points": 1, "reason": "R."}}, "without bands"),
        ({"unreviewable": {"points": -1, "reason": "R."}}, "greater than or equal"),
        ({"unreviewable": {"level": "low", "lines": 0, "reason": "R."}}, "greater than or equal"),
        (
            {
                "unreviewable": {"level": "low", "reason": "R."},
                "floors": [{"id": "unreviewable", "paths": ["a"], "level": "low", "reason": "R."}],
            },
            "stands beside a floor or factor",
        ),
    ],
)
def test_terms_that_could_not_count_do_not_load(spec: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RiskModel.model_validate({**SCORING, "spec": spec}, strict=False)
