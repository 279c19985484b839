from __future__ import annotations

import pytest

from itil_gate.model.base import API_VERSION
from itil_gate.model.errors import GateError
from itil_gate.reading.migrate import STEPS, VERSIONS, migrate

TEXT = "# why\napiVersion: itil-gate/v1   # the first\nkind: Config\ncolour: red  # kept\n"
NEXT = ("itil-gate/v1", "itil-gate/v2", "itil-gate/v3")


def renamed(text: str) -> str:
    return text.replace("itil-gate/v1", "itil-gate/v2").replace("colour:", "color:")


def tightened(text: str) -> str:
    return text.replace("itil-gate/v2", "itil-gate/v3")


FAKE = {"itil-gate/v1": renamed, "itil-gate/v2": tightened}


def test_a_text_of_the_newest_version_stays_as_it_is() -> None:
    result = migrate(TEXT, file="f.yaml")
    assert (result.text, result.passed, result.changed) == (TEXT, (API_VERSION,), False)
    assert result.findings == ()


def test_steps_are_applied_in_order_and_keep_comments() -> None:
    result = migrate(TEXT, file="f.yaml", versions=NEXT, steps=FAKE)
    assert result.changed
    assert result.passed == NEXT
    assert result.text == (
        "# why\napiVersion: itil-gate/v3   # the first\nkind: Config\ncolor: red  # kept\n"
    )


def test_migration_begins_where_the_text_stands() -> None:
    begun = TEXT.replace("itil-gate/v1", "itil-gate/v2")
    result = migrate(begun, file="f.yaml", versions=NEXT, steps=FAKE)
    assert result.passed == NEXT[1:]
    assert "colour" in result.text


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        (TEXT.replace("v1", "v9"), "unknown-version", 2),
        (TEXT.replace("itil-gate/v1", "1"), "unknown-version", 2),
        (TEXT.replace("itil-gate/v1", "[a]"), "unknown-version", 2),
        ("kind: Config\n", "missing-key", 1),
        ("- a\n", "missing-key", 1),
        ("a: [", "not-yaml", 1),
    ],
)
def test_a_text_of_no_known_version_is_left_alone(text: str, rule: str, line: int) -> None:
    result = migrate(text, file="f.yaml")
    assert (result.text, result.changed) == (text, False)
    (found,) = result.findings
    assert found.place is not None
    assert (found.rule, found.place.line) == (rule, line)


def test_the_known_versions_are_named() -> None:
    (found,) = migrate(TEXT.replace("v1", "v9"), file="f", versions=NEXT, steps=FAKE).findings
    assert all(version in found.remedy for version in NEXT)


@pytest.mark.parametrize(
    "step", [lambda text: text, lambda _: "a: [", lambda text: text.replace("v1", "v3"), None]
)
def test_a_step_that_breaks_its_promise_is_our_mistake(step: object) -> None:
    steps = {"itil-gate/v1": step} if step else {}
    with pytest.raises(GateError) as caught:
        migrate(TEXT, file="f.yaml", versions=NEXT[:2], steps=steps)
    assert caught.value.code == "broken-migration"


def test_there_is_a_step_from_every_version_but_the_newest() -> None:
    assert set(STEPS) == set(VERSIONS[:-1])
