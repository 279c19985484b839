"""Fields that may be missing: which ways of asking for them count, and which only seem to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conditions import PLACE, Service, bound, compiled, refused

from itil_gate.expressions.environment import Compiled
from itil_gate.expressions.faults import source
from itil_gate.expressions.guards import unguarded
from itil_gate.expressions.tree import Call, Fold, Select, walk

if TYPE_CHECKING:
    from itil_gate.expressions.environment import Environment
    from itil_gate.expressions.tree import Node

RISK, WINDOW = "change.spec.risk", "change.spec.window"
IS_LOW, IN_UTC = f"{RISK} == 'low'", f"{WINDOW}.timezone == 'UTC'"
OWNED = "services.exists(s, {})"


@pytest.mark.parametrize(
    "text",
    [
        f"has({RISK}) && {IS_LOW}",
        f"!has({RISK}) || {IS_LOW}",
        f"has({RISK}) ? {IS_LOW} : false",
        f"!has({RISK}) ? true : {IS_LOW}",
        f"!!has({RISK}) && {IS_LOW}",
        f"has({RISK}) && diff.files > 3 && {IS_LOW}",
        f"diff.files > 3 && has({RISK}) && ({IS_LOW} || {IS_LOW})",
        f"(has({RISK}) && diff.files > 3) && {IS_LOW}",
        f"(has({RISK}) && diff.files > 3) ? {IS_LOW} : true",
        f"!(has({RISK}) && diff.files > 3) || {IS_LOW}",
        f"!has({RISK}) || diff.files > 3 || {IS_LOW}",
        f"(has({RISK}) && {IS_LOW}) || diff.files > 3",
        f"has({RISK}) && has({WINDOW}) && {IS_LOW} && {IN_UTC}",
        f"!(has({RISK}) && has({WINDOW})) || ({IS_LOW} && {IN_UTC})",
        f"(has({RISK}) && diff.files > 1 || has({RISK}) && diff.files > 2) && {IS_LOW}",
        f"has({WINDOW}.timezone) && {IN_UTC}",
        f"has({WINDOW}.start) && {IN_UTC}",
        "has(change.spec.plans.backout.owner) && change.spec.plans.backout.tested",
        f"has({RISK}) && services.all(s, s.tier > 1 || {IS_LOW})",
        f"has({RISK}) && [{RISK}].exists(level, level == 'low')",
        OWNED.format("has(s.owner) && s.owner == 'bob'"),
        OWNED.format("has(s.owner) && services.exists(t, t.name == s.owner)"),
        OWNED.format("has(s.owner) && services.exists(t, has(t.owner) && t.owner == s.owner)"),
        "services.filter(s, has(s.owner) && s.owner == 'bob').size() == 1",
        "services.map(s, has(s.owner), s.owner).exists(name, name == 'bob')",
        "services.map(s, has(s.owner) ? s.owner : '').exists(name, name == 'bob')",
        OWNED.format("has(s.labels.team) && s.labels.team == 'a'"),
        OWNED.format("'team' in s.labels && s.labels.team == 'a'"),
        OWNED.format("!('team' in s.labels) || s.labels.team == 'a'"),
        f"[has({RISK}) && {IS_LOW}].exists(each, each)",
        f"has({RISK})",
        f"has({WINDOW}.soak)",
        f"size(has({RISK}) ? {RISK} : '') > 0",
    ],
)
def test_a_field_is_read_where_it_is_known_to_be_there(environment: Environment, text: str) -> None:
    assert isinstance(compiled(environment, text).evaluate(bound(environment)), bool)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (IS_LOW, RISK),
        (f"{IS_LOW} && has({RISK})", RISK),
        (f"diff.files > 3 && {IS_LOW} && has({RISK})", RISK),
        (f"diff.files > 3 && ({IS_LOW} && has({RISK}))", RISK),
        (f"diff.files > 3 || ({IS_LOW} || !has({RISK}))", RISK),
        (f"has({RISK}) || {IS_LOW}", RISK),
        (f"!has({RISK}) && {IS_LOW}", RISK),
        (f"has({RISK}) ? true : {IS_LOW}", RISK),
        (f"!has({RISK}) ? {IS_LOW} : true", RISK),
        (f"!(has({RISK}) || diff.files > 3) || {IS_LOW}", RISK),
        (f"!(has({RISK}) && diff.files > 3) && {IS_LOW}", RISK),
        (f"(has({RISK}) || diff.files > 3) && {IS_LOW}", RISK),
        (f"(has({RISK}) && diff.files > 3) || {IS_LOW}", RISK),
        (f"(diff.files > 3 ? has({RISK}) : true) && {IS_LOW}", RISK),
        (f"has({RISK}) == true && {IS_LOW}", RISK),
        (f"has({WINDOW}) && {IS_LOW}", RISK),
        (f"(has({RISK}) && true || has({WINDOW})) && {IS_LOW}", RISK),
        (f"services.exists(s, has({RISK})) && {IS_LOW}", RISK),
        (f"services.all(s, has({RISK})) && {IS_LOW}", RISK),
        (f"has({RISK}) && true || {IS_LOW}", RISK),
        ("has(change.spec.plans) && change.spec.plans.backout.tested", "change.spec.plans.backout"),
        ("has(change.spec.plans.test) && change.spec.plans.backout.tested",
         "change.spec.plans.backout"),
        (OWNED.format("s.owner == 'bob'"), "s.owner"),
        (OWNED.format("has(s.owner)") + " && " + OWNED.format("s.owner == 'bob'"), "s.owner"),
        (OWNED.format("has(s.owner) && services.exists(t, t.owner == s.owner)"), "t.owner"),
        (OWNED.format("has(s.owner) && services.exists(s, s.owner == 'bob')"), "s.owner"),
        ("services.filter(s, has(s.owner)).exists(s, s.owner == 'bob')", "s.owner"),
        ("services.map(s, s.owner).exists(name, name == 'bob')", "s.owner"),
        (OWNED.format("s.labels.team == 'a'"), "s.labels.team"),
        (OWNED.format("'tame' in s.labels && s.labels.team == 'a'"), "s.labels.team"),
        (OWNED.format("s.name in s.labels && s.labels.team == 'a'"), "s.labels.team"),
        (OWNED.format("has(s.labels) && s.labels.team == 'a'"), "s.labels.team"),
        (f"[{RISK}].exists(level, level == 'low')", RISK),
        (f"size({RISK}) > 0", RISK),
    ],
)  # fmt: skip
def test_a_field_that_may_be_missing_is_not_read(
    environment: Environment, text: str, field: str
) -> None:
    (finding,) = refused(environment, text)
    assert finding.rule == "unguarded-optional"
    assert finding.message == f"{field} may be missing here"
    assert f"has({field}) && …" in finding.remedy


def test_the_proposed_guard_is_accepted(environment: Environment) -> None:
    for text in (IS_LOW, IN_UTC, "change.spec.plans.backout.tested"):
        (finding,) = refused(environment, text)
        guard = finding.remedy.removeprefix("ask first: ").partition(" && ")[0]
        compiled(environment, f"{guard} && {text}")


CONDITIONS = st.recursive(
    st.sampled_from(
        [
            *(f"has({field})" for field in (RISK, WINDOW, "change.spec.plans.backout")),
            *(IS_LOW, IN_UTC, "change.spec.plans.backout.tested"),
            *("diff.files > 2", "touches('db/**')", "services.exists(s, s.tier == 1)"),
            *(OWNED.format("has(s.owner) && s.owner == 'bob'"), OWNED.format("s.owner == 'bob'")),
        ]
    ),
    lambda inner: st.one_of(
        st.builds("({}) && ({})".format, inner, inner),
        st.builds("({}) || ({})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("(({}) ? ({}) : ({}))".format, inner, inner, inner),
    ),
    max_leaves=8,
)


PRESENT = (
    frozenset[str](),
    frozenset([RISK]),
    frozenset([WINDOW, "s.owner"]),
    frozenset([RISK, WINDOW, "change.spec.plans", "change.spec.plans.backout", "s.owner"]),
)


@given(text=CONDITIONS, present=st.sampled_from(PRESENT))
def test_what_is_accepted_reads_no_field_that_is_missing(
    environment: Environment, text: str, present: frozenset[str]
) -> None:
    made = environment.compile(text, expect="bool", place=PLACE)
    if isinstance(made, Compiled):
        _truth(made.tree, present)


def _truth(node: Node, present: frozenset[str]) -> bool:
    """Evaluate a condition as another reader would; what is no question of presence is false."""
    if isinstance(node, Select) and node.test:
        return source(node) in present
    if isinstance(node, Call) and node.function == "!_":
        return not _truth(node.arguments[0], present)
    if isinstance(node, Call) and node.function == "_&&_":
        return all(_truth(part, present) for part in node.arguments)
    if isinstance(node, Call) and node.function == "_||_":
        return any(_truth(part, present) for part in node.arguments)
    if isinstance(node, Call) and node.function == "_?_:_":
        condition, yes, no = node.arguments
        return _truth(yes if _truth(condition, present) else no, present)
    if isinstance(node, Fold):
        _truth(node.step, present)
        return False
    for part in walk(node):
        if isinstance(part, Select) and part.optional and not part.test:
            assert source(part) in present, f"{source(part)} is read and is not there"
    return False


def test_the_engine_itself_reads_a_missing_field_as_empty(environment: Environment) -> None:
    """If this fails, the engine has changed, and what is done about it can be looked at again."""
    engine = environment.engine
    checked = engine.check("services.exists(s, s.owner == '')")
    assert not isinstance(checked, tuple)
    assert len(tuple(unguarded(checked.tree))) == 1
    values = bound(environment, services=(Service(name="a", tier=1),))
    assert engine.run(engine.prepare(checked), values.activation, values.scene, "bool") is True
