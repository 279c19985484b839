"""Conditions, points and texts that have a value, and what their values are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest
from support.conditions import (
    PLACE,
    Diff,
    Risk,
    Schedule,
    Service,
    bound,
    compiled,
    refused,
    rules,
    scene,
)

from itil_gate.expressions.environment import Compiled, Environment, is_constant
from itil_gate.expressions.failure import PolicyError
from itil_gate.expressions.functions import Scene
from itil_gate.model.made import Made


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("change.spec.type == 'normal'", True),
        ("change.spec.significant", False),
        ("change.metadata.title.contains('certificates')", True),
        ("'production' in change.spec.environments", True),
        ("size(change.spec.scope) == 2", True),
        ("has(change.spec.risk) && change.spec.risk == 'low'", True),
        ("has(change.metadata.checkpoint)", False),
        ("has(change.metadata.checkpoint) ? change.metadata.checkpoint == 'x' : true", True),
        ("!has(change.metadata.checkpoint) || change.metadata.checkpoint == 'x'", True),
        ("has(change.spec.plans.backout.maxMinutes) && change.spec.plans.backout.maxMinutes < 30",
         True),
        ("has(change.spec.window) && change.spec.window.start >= '2026-11-25T22:00'", True),
        ("has(change.spec.window) && change.spec.window.start > '2026-11-25T22:00'", False),
        ("has(change.spec.window) && minutes(change.spec.window.soak) == 1440", True),
        ("change.spec.links.exists(l, l.type == 'incident')", True),
        ("change.spec.links.filter(l, l.type == 'problem').size() == 0", True),
        ("services.all(s, s.tier >= 1)", True),
        ("services.exists_one(s, s.tier == 1)", True),
        ("services.exists(s, has(s.owner) && s.owner == 'bob')", True),
        ("services.exists(s, 'team' in s.labels && s.labels.team == 'payments')", True),
        ("services.exists(s, at(s.labels, 'team', '') == 'payments')", True),
        ("services.map(s, s.name) == ['payments-api', 'web']", True),
        ("services.filter(s, has(s.owner)).exists(s, has(s.owner) && s.owner == 'bob')", True),
        ("services.exists(s, services.exists(t, t.tier > s.tier))", True),
        ("services.exists(s, s.labels.exists(key, key == 'team'))", True),
        ("services.exists(s, s.labels.all(key, key != 'team'))", True),
        ("at(diff.paths, 1, 'none') == 'deploy/payments/gateway.yaml'", True),
        ("at(diff.paths, 9, 'none') == 'none'", True),
        ("at(diff.paths, -1, 'none') == 'none'", True),
        ("diff.added / 2 == 1 && diff.files % 2 == 1", True),
        ("risk.level in ['high', 'critical']", False),
        ("now > timestamp('2026-11-20T15:00:00Z')", True),
        ("now - timestamp('2026-11-20T15:00:00Z') == duration('30m')", True),
        ("now.getDayOfWeek() == 5 && now.getHours() == 15", True),
        ("now.getHours('+01:00') == 16", True),
        ("has(schedule.start)", False),
        ("change.metadata.title.matches('^Rotate .*s$')", True),
        ("timestamp(0) < now && int(timestamp(60)) == 60", True),
        (".change.spec.significant", False),
    ],
)  # fmt: skip
def test_a_condition_has_its_value(environment: Environment, text: str, value: bool) -> None:  # noqa: FBT001
    made = compiled(environment, text)
    assert made.evaluate(bound(environment)) is value
    assert made.type == "bool"


def test_points_and_texts_have_the_type_that_was_declared(environment: Environment) -> None:
    points = environment.compile("diff.files > 2 ? 10 : 0", expect="int", place=PLACE)
    text = environment.compile("lower(change.metadata.title)", expect="string", place=PLACE)
    assert isinstance(points, Compiled)
    assert isinstance(text, Compiled)
    assert points.evaluate(bound(environment)) == 10
    assert text.evaluate(bound(environment)) == "rotate the payment gateway certificates"


def test_any_of_several_types_can_be_asked_for(environment: Environment) -> None:
    made = compiled(environment, "diff.files + 1", expect=("bool", "int", "string"))
    assert (made.type, made.evaluate(bound(environment))) == ("int", 4)
    assert rules(environment, "services", expect=("bool", "int", "string")) == ["expression-type"]


def test_a_moment_is_read_as_utc_whatever_its_offset(environment: Environment) -> None:
    start = datetime.fromisoformat("2026-11-25T22:00:00+01:00")
    made = compiled(
        environment,
        "has(schedule.start) && schedule.start == timestamp('2026-11-25T21:00:00Z')"
        " && schedule.start.getHours() == 21",
    )
    assert made.evaluate(bound(environment, schedule=Schedule(planned=True, start=start)))


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("change.spec.type == 'normal'", ("change.spec.type",)),
        ("has(change.spec.window) && change.spec.window.timezone == 'UTC'",
         ("change.spec.window.timezone",)),
        ("services.exists(s, s.tier == 1 && has(s.labels.team))",
         ("services[].labels.team", "services[].tier")),
        ("services.filter(s, s.tier == 1).exists(s, s.name == 'web')",
         ("services[].name", "services[].tier")),
        ("size(services) > 1 && now > now - duration('1h')", ("now", "services")),
        ("touches('db/**')", ()),
    ],
)  # fmt: skip
def test_a_condition_knows_which_fields_it_reads(
    environment: Environment, text: str, paths: tuple[str, ...]
) -> None:
    assert compiled(environment, text).reads == paths


@pytest.mark.parametrize(
    ("text", "constant"),
    [
        ("true", True),
        ("1 + 1 == 2", True),
        ("change.spec.type != 'normal' || change.spec.type != 'standard'", True),
        ("change.spec.type == 'normal' && change.spec.type == 'standard'", True),
        ("change.spec.type in ['standard', 'normal', 'emergency', 'registration']", True),
        ("risk.level == 'low' || !(risk.level == 'low')", True),
        ("risk.level == 'low' ? true : risk.level != 'low'", True),
        ("diff.files > 3 || true", True),
        ("diff.files == diff.files", True),
        ("now >= now", True),
        ("has(change.spec.significant)", True),
        ("change.spec.type == 'normal'", False),
        ("change.spec.type != 'normal' && change.spec.type != 'standard'", False),
        ("risk.level == 'low' || diff.files > 3", False),
        ("has(change.spec.risk)", False),
        ("has(change.spec.links)", False),
        ("touches('db/**')", False),
        ("diff.files > 3", False),
        ("services.exists(s, true)", False),
        ("weekday(now, 'UTC') == 'friday'", False),
    ],
)
def test_a_condition_that_asks_nothing_is_found_out(
    environment: Environment, text: str, *, constant: bool
) -> None:
    assert is_constant(compiled(environment, text)) is constant


def test_a_condition_about_too_many_words_counts_as_one_that_asks_something() -> None:
    word = Literal["a", "b", "c", "d"]
    names = [f"word{number}" for number in range(7)]
    many = type("Words", (Made,), {"__annotations__": dict.fromkeys(names, word)})
    environment = Environment({"it": many})
    always = "(it.word0 != 'a' || it.word0 != 'b')"
    few = compiled(environment, f"{always} && it.word1 in ['a', 'b', 'c', 'd']")
    rest = " && ".join(f"it.{name} in ['a', 'b', 'c', 'd']" for name in names)
    assert is_constant(few)
    assert not is_constant(compiled(environment, f"{always} && {rest}"))


def test_points_that_are_written_out_are_constant_and_others_are_not(
    environment: Environment,
) -> None:
    assert is_constant(compiled(environment, "10", expect="int"))
    assert not is_constant(compiled(environment, "diff.files * 10", expect="int"))


@pytest.mark.parametrize(
    "text",
    [
        "diff.files / 0 == 1",
        "diff.files % 0 == 1",
        "diff.files / -1 == 1",
        "diff.files % -1 == 1",
        "1 / diff.files == 1",
        "bool(change.metadata.title)",
        "double(change.metadata.title) > 1.0",
        "uint(diff.files) > 1u",
        "int(double(diff.files)) > 1",
        "string(bytes(change.metadata.title)) == 'x'",
    ],
)
def test_what_can_fail_is_refused_even_where_it_rarely_does(
    environment: Environment, text: str
) -> None:
    assert rules(environment, text) == ["partial-builtin"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("services.exists(s, has(s.until) && s.until < s.name)", "alphabetical-comparison"),
        ("services.exists(s, s.name < 'b')", "alphabetical-comparison"),
        ("services.exists(s, 'b' < s.name)", "alphabetical-comparison"),
        ("services.exists(s, s.name < lower(s.name))", "alphabetical-comparison"),
        ("services.exists(s, s.dataClass > 'public')", "alphabetical-comparison"),
        (
            "has(change.spec.window) && change.spec.window.start < localTime(now, 'UTC')",
            "alphabetical-comparison",
        ),
        ("services.exists(s, has(s.until) && s.until < '2026-12-1')", "impossible-comparison"),
        ("services.exists(s, has(s.until) && s.until == '1.12.2026')", "impossible-comparison"),
        ("services.exists(s, has(s.until) && '2026' < s.until)", "impossible-comparison"),
        ("services.exists(s, s.restore == '4 hours')", "impossible-comparison"),
        ("services.exists(s, s.restore in ['4h', '8'])", "impossible-comparison"),
        ("services.exists(s, s.dataClass == 'Secret')", "impossible-comparison"),
        ("services.exists(s, 'secrt' == s.dataClass)", "impossible-comparison"),
        ("services.exists(s, s.dataClass != 'secrt')", "impossible-comparison"),
        ("!(risk.level in ['hgh'])", "impossible-comparison"),
        ("(diff.files > 3 ? 'low' : 'high') == risk.level && 'x' == risk.level",
         "impossible-comparison"),
        ("(diff.files > 3 ? 'a' : 'b') == risk.level", "impossible-comparison"),
        ("services.exists(s, s.dataClass == risk.level)", "impossible-comparison"),
    ],
)  # fmt: skip
def test_a_comparison_that_says_something_else_is_refused(
    environment: Environment, text: str, rule: str
) -> None:
    assert rules(environment, text) == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "services.exists(s, has(s.until) && s.until < '2026-12-01')",
        "services.exists(s, has(s.until) && services.exists(t, has(t.until) && s.until < t.until))",
        "localTime(now, 'UTC') < localTime(now, 'Europe/Berlin')",
        "(diff.files > 3 ? 'low' : 'high') == risk.level",
        "services.exists(s, s.restore == '4h')",
        "'a' < 'b'",
        "diff.files < 3 && now < now + duration('1h')",
    ],
)
def test_a_comparison_that_says_what_it_seems_to_is_accepted(
    environment: Environment, text: str
) -> None:
    assert isinstance(compiled(environment, text).evaluate(bound(environment)), bool)


def test_what_is_not_known_yet_cannot_be_read(environment: Environment) -> None:
    sees = ("change", "diff", "now")
    assert compiled(environment, "diff.files > 3", sees=sees).reads == ("diff.files",)
    (finding,) = refused(environment, "diff.files > 3 && risk.level == 'high'", sees=sees)
    assert finding.rule == "unknown-field"
    assert finding.message == "risk is not known yet where this is evaluated"
    assert finding.remedy == "what is known are change, diff and now"


def test_the_name_of_an_item_may_be_that_of_an_unknown_variable(environment: Environment) -> None:
    made = compiled(environment, "services.exists(risk, risk.tier == 1)", sees=("services",))
    assert made.evaluate(bound(environment))


def test_a_later_stage_adds_to_what_is_bound(environment: Environment) -> None:
    made = compiled(environment, "diff.files > 2 && risk.level == 'high'")
    early = environment.bind({"diff": Diff(files=3)}, scene=scene())
    with pytest.raises(PolicyError, match="risk is not known yet"):
        made.evaluate(early)
    assert made.evaluate(early.also({"risk": Risk(level="high")}))


def test_a_rule_set_can_have_variables_of_its_own(environment: Environment) -> None:
    shared = compiled(environment, "touches('db/**')")
    own = environment.extended({"isDatabase": bool})
    made = compiled(own, "isDatabase && diff.files > 2")
    both = {**bound(environment).values, "isDatabase": shared.evaluate(bound(environment))}
    assert made.evaluate(own.bind(both, scene=scene()))
    assert rules(environment, "isDatabase") == ["unknown-field"]
    with pytest.raises(TypeError, match="there already is a variable diff"):
        environment.extended({"diff": bool})


def test_a_later_stage_can_replace_what_was_bound_and_used(environment: Environment) -> None:
    files, level = (
        compiled(environment, "diff.files > 2"),
        compiled(environment, "risk.level", expect="string"),
    )
    first = bound(environment)
    assert files.evaluate(first)
    later = first.also({"diff": Diff(files=1), "risk": Risk(level="high")})
    assert not files.evaluate(later)
    assert level.evaluate(later) == "high"
    assert files.evaluate(first), "what is bound later does not change what was bound before"
    assert level.evaluate(first) == "low"


def test_the_values_of_a_rule_set_are_those_of_the_change_it_judges(
    environment: Environment,
) -> None:
    own = environment.extended({"wide": bool})
    made = compiled(own, "wide && diff.files > 2")
    first = bound(environment)
    assert compiled(environment, "diff.files > 2").evaluate(first)
    assert made.evaluate(first.also({"wide": True}, environment=own))
    assert not made.evaluate(first.also({"wide": False}, environment=own))
    assert not made.evaluate(first.also({"wide": True, "diff": Diff(files=1)}, environment=own))


def test_two_rule_sets_do_not_see_the_names_of_each_other(environment: Environment) -> None:
    one, two = environment.extended({"name": bool}), environment.extended({"name": str})
    values = bound(environment)
    assert compiled(one, "name").evaluate(values.also({"name": True}, environment=one)) is True
    assert (
        compiled(two, "name", expect="string").evaluate(values.also({"name": "x"}, environment=two))
        == "x"
    )
    with pytest.raises(TypeError, match="does not extend"):
        values.also({"name": True}, environment=one).also({}, environment=two)


def test_values_of_another_environment_are_refused(environment: Environment) -> None:
    other = environment.extended({"more": int})
    with pytest.raises(TypeError, match="not of this environment"):
        compiled(environment, "diff.files > 2").evaluate(bound(other))


def test_a_diff_of_twenty_thousand_paths_is_no_trouble(environment: Environment) -> None:
    paths = tuple(f"src/module_{n % 100}/file_{n}.py" for n in range(20_000))
    values = environment.bind(
        {"diff": Diff(paths=paths, files=len(paths)), "services": (Service(name="a", tier=1),)},
        scene=Scene(paths=paths, now=datetime(2026, 11, 20, tzinfo=UTC)),
    )
    text = (
        "touches('src/module_7/**') && !touches('db/**') && count('src/**') == 20000"
        " && size(diff.paths) == diff.files && 'src/module_0/file_0.py' in diff.paths"
        " && services.all(s, !touches('docs/**'))"
    )
    assert compiled(environment, text).evaluate(values)
