"""Strangers' text is shown in every format and changes the form of none."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.decisions import SAMPLES, denied, measured
from support.hostile import poisoned, texts
from support.proving import CONFIG
from support.scenes import trials

from itil_gate.model.base import Model
from itil_gate.model.decision import Decision, RuleState
from itil_gate.model.facts import CommitFact, DiffEntry, Facts, Identity, Inputs, StatementFact
from itil_gate.model.finding import Finding, Place
from itil_gate.model.made import Made
from itil_gate.model.policy import PolicySet, Source
from itil_gate.prove.setting import compiled_alone
from itil_gate.report import DECISION_FORMATS
from itil_gate.report.explain_policy import entry_names, explain_entry
from itil_gate.report.explanation import explain_decision
from itil_gate.report.policy_page import policy_page

if TYPE_CHECKING:
    from collections.abc import Callable

POLICIES = Path(__file__).parents[2] / "policies"
GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
COMMAND = re.compile(r"##\w*\[|^\s*::", re.MULTILINE)
WORKFLOW = re.compile(r"::(error|warning|notice) ([a-z]+=[^:,\r\n]*,?)+::[^\r\n]*")
V = TypeVar("V")


def ruled() -> Decision:
    """A denial that tells everything an organisation's own rules, models and tools may say."""
    decision = denied()
    found = Finding(rule="house", message="It is so.", remedy="Mend it.", place=Place(file="a/b"))
    own = tuple(
        RuleState(
            rule=f"house-{number}",
            side=side,
            state=state,
            findings=(found.model_copy(update={"effect": effect}),),
            policy="house-rules",
            enforcement="soft",
            detail="waived by once until 2026-03-31, carol answers for it: why not",
            docs="https://wiki.example/house rules",
        )
        for number, (side, state, effect) in enumerate(
            (
                ("target", "UNSATISFIED", "deny"),
                ("proposed", "ADVISORY", "advise"),
                ("target", "PENDING", "pending"),
                ("target", "NOT_APPLICABLE", "advise"),
            )
        )
    )
    external = RuleState(
        rule="external:scan:CVE-1",
        side="target",
        state="UNSATISFIED",
        findings=(found.model_copy(update={"rule": "external:scan:CVE-1"}),),
    )
    (change,) = decision.changes
    more = {
        "rules": (*change.rules, *own),
        "model": "rotation",
        "risk": measured().changes[0].risk,
        "id": "STD-rotation-0123456789ab",
    }
    return decision.model_copy(
        update={
            "changes": (change.model_copy(update=more),),
            "rules": (*decision.rules, external),
        }
    )


ALL = {**SAMPLES, "ruled": ruled}


def turned(pool: list[str]) -> Callable[[], str]:
    """Return what gives the texts of a pool in turn; each ends so that it is no plain address."""
    turn = iter(range(10**6))
    return lambda: f"{pool[next(turn) % len(pool)]} ."


POOLS = st.lists(texts, min_size=1, max_size=5)


def tree(element: Element) -> tuple[str, tuple[str, ...], list[Any]]:
    return element.tag, tuple(sorted(element.attrib)), [tree(child) for child in element]


def shape(value: Any) -> Any:
    """Return keys and lengths of a JSON value, without its texts."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value).__name__


def markdown_form(text: str) -> list[object]:
    """Return the blocks of a page, and of its inline parts what is no text."""
    tokens = GFM.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    marks = {"image", "link_open"}
    tags = [child.content for child in inline if child.type == "html_inline"]
    return [
        [token.type for token in tokens],
        sorted(child.type for child in inline if child.type in marks),
        sorted(set(tags) - {"<span>", "</span>"}),
    ]


def sarif_form(text: str) -> object:
    """Return the shape of a log; which rules stand beside each other goes by their names."""
    (run,) = json.loads(text)["runs"]
    levels = [(result["level"], result.get("kind", "")) for result in run["results"]]
    return sorted(run), levels, [sorted(result) for result in run["results"]]


def lines_form(text: str) -> object:
    """Refuse what a terminal or a runner would obey; how lines are wrapped is not compared."""
    assert not [line for line in text.split("\n") if not line.isprintable()]
    assert not COMMAND.search(text)
    return None


def annotations_form(text: str) -> object:
    lines = text.splitlines()
    assert not [line for line in lines if not WORKFLOW.fullmatch(line)]
    return [line.split(" ")[0] for line in lines]


FORMS: dict[str, Callable[[str], object]] = {
    "text": lines_form,
    "markdown": markdown_form,
    "json": lambda text: shape(json.loads(text)),
    "junit": lambda text: tree(fromstring(text)),  # noqa: S314
    "sarif": sarif_form,
    "github": annotations_form,
}


@cache
def harmless_form(name: str, form: str) -> object:
    decision = poisoned(ALL[name](), lambda: "word .")
    return FORMS[form](DECISION_FORMATS[form](decision))


@pytest.mark.parametrize("form", FORMS)
@trials(40)
@given(name=st.sampled_from(["ruled", "ruled", *sorted(SAMPLES)]), pool=POOLS)
def test_no_word_of_a_stranger_changes_the_form_of_a_decision(
    form: str, name: str, pool: list[str]
) -> None:
    decision = poisoned(ALL[name](), turned(pool))
    text = DECISION_FORMATS[form](decision)
    assert FORMS[form](text) == harmless_form(name, form)
    if form == "json":
        assert Decision.model_validate_json(text) == decision


def test_every_word_of_the_samples_is_a_strangers() -> None:
    """Else the law above would try less than it says."""
    plain = json.loads(DECISION_FORMATS["json"](ruled()))
    changed = json.loads(DECISION_FORMATS["json"](poisoned(ruled(), lambda: "word .")))
    (first,), (second,) = plain["changes"], changed["changes"]
    assert {rule["detail"] for rule in second["rules"]} == {"word ."}
    assert {rule["docs"] for rule in second["rules"]} == {"word ."}
    assert second["model"] == second["title"] == "word ."
    assert first["rules"][-1]["findings"][0]["place"]["file"] == "a/b"
    assert second["rules"][-1]["findings"][0]["place"]["file"] == "word ."
    assert second["risk"]["impact"]["reasons"][0]["reason"] == "word ."


# What policies say, on pages and in explanations -------------------------------------------------

FREE = frozenset(
    {
        "title",
        "reason",
        "message",
        "remedy",
        "rationale",
        "description",
        "docs",
        "controls",
        "paths",
    }
)
"""Keys of policies whose type admits any line of text."""
SHORT = frozenset({"when", "expect"})
"""Conditions may hold any text between quotes; long ones stand elsewhere on the page."""


def worded(value: V, draw: Callable[[], str]) -> V:
    """Return a policy, or policies, with each free text replaced by what `draw` gives."""
    if isinstance(value, tuple):
        return tuple(worded(item, draw) for item in value)  # type: ignore[return-value]
    if not isinstance(value, (Model, Made)):
        return value
    update = {}
    for name in type(value).model_fields:
        old = getattr(value, name)
        if name in FREE | SHORT and isinstance(old, str):
            update[name] = draw()[:20] if name in SHORT else draw()
        elif name in FREE and old and isinstance(old[0], str):
            update[name] = tuple(draw() for _ in old)
        else:
            update[name] = worded(old, draw)
    return value.model_copy(update=update)  # type: ignore[return-value]


@cache
def shipped() -> PolicySet:
    """Return all that the most demanding profile says, with a waiver and a calendar."""
    files = [
        path
        for name in ("starter", "team", "regulated")
        for path in sorted((POLICIES / name).glob("*.yaml"))
    ]
    sources = [
        Source(
            path=f"policies/{path.parent.name}/{path.name}", blob="", text=path.read_text("utf-8")
        )
        for path in files
    ]
    return compiled_alone(sources, CONFIG)


@trials(40)
@given(pool=POOLS)
def test_no_policy_changes_the_form_of_the_page_about_it(pool: list[str]) -> None:
    page = policy_page(worded(shipped(), turned(pool)))
    plain = policy_page(worded(shipped(), lambda: "word ."))
    assert markdown_form(page) == markdown_form(plain)
    assert not COMMAND.search(page)
    assert all(line.isprintable() for line in page.split("\n"))


@trials(25)
@given(pool=POOLS)
def test_no_policy_forges_lines_of_what_explains_it(pool: list[str]) -> None:
    policies = worded(shipped(), turned(pool))
    assert entry_names(policies) == entry_names(shipped())
    for name in sorted(entry_names(policies)):
        text = explain_entry(name, policies, width=10_000)
        plain = explain_entry(name, worded(shipped(), lambda: "word ."), width=10_000)
        assert text is not None
        assert plain is not None
        lines_form(text)
        assert captions(text) == captions(plain)


def captions(text: str) -> list[str]:
    """Return how each line begins, where a caption stands."""
    return [line[:13] if line.startswith("  ") else "" for line in text.split("\n")]


FACTS = Facts(
    now=denied().now,
    target="refs/heads/main",
    tip="a" * 40,
    merge_base="a" * 40,
    head="b" * 40,
    head_tree="c" * 40,
    merged_tree="c" * 40,
    content="d" * 64,
    diff=(
        DiffEntry(
            old_mode="100644",
            new_mode="100644",
            old_id="1" * 40,
            new_id="2" * 40,
            status="M",
            path="src/a.py",
        ),
    ),
    commits=(
        CommitFact(
            id="b" * 40,
            parents=("a" * 40,),
            author=Identity(name="Alice", email="alice@example.com"),
            committer=Identity(name="Alice", email="alice@example.com"),
        ),
    ),
    statements=(StatementFact(path="CHG/x.stmt", digest="e" * 64, status="malformed"),),
)


@trials(30)
@given(name=st.sampled_from(["ruled", *sorted(SAMPLES)]), pool=POOLS)
def test_nothing_gathered_forges_lines_of_an_explanation(name: str, pool: list[str]) -> None:
    draw = turned(pool)
    (commit,), (entry,), (said,) = FACTS.commits, FACTS.diff, FACTS.statements
    facts = FACTS.model_copy(
        update={
            "commits": (commit.model_copy(update={"author": Identity(name=draw(), email=draw())}),),
            "diff": (entry.model_copy(update={"path": draw()}),),
            "statements": (said.model_copy(update={"path": draw(), "detail": draw()}),),
        }
    )
    asked = Source(path=draw(), blob="f" * 40, text=draw())
    gathered = Inputs(facts=facts, requests=(asked,), judge=(asked,), proposed=(asked,))
    lines_form(explain_decision(poisoned(ALL[name](), draw), gathered))
