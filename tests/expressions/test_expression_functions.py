"""The functions of policies: about paths, days and hours, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conditions import NOW, PATHS, VARIABLES, Service, bound, compiled, rules, scene

from itil_gate.expressions.environment import Environment
from itil_gate.expressions.failure import PolicyError
from itil_gate.expressions.functions import FUNCTIONS, WEEKDAYS, Scene, business_days

if TYPE_CHECKING:
    from itil_gate.expressions.environment import Environment as Env

MOMENTS = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001  # the zone is given beside it
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def holds(environment: Env, text: str, **values: object) -> bool:
    return bool(compiled(environment, text).evaluate(bound(environment, **values)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("touches('db/**')", True),
        ("touches('db/*')", False),
        ("touches('docs/**')", False),
        ("touches('**')", True),
        ("touches('src/app.py')", True),
        ("touches('SRC/app.py')", False),
        ("count('**') == 3", True),
        ("count('**/*.sql') == 1", True),
        ("count('docs/**') == 0", True),
        ("glob('db/x.sql', 'db/*.sql')", True),
        ("glob(change.metadata.title, 'db/*.sql')", False),
        ("diff.paths.exists(path, glob(path, 'db/**'))", True),
        ("lower('ÄÖ Straße') == 'äö straße'", True),
        ("minutes('90m') == 90 && minutes('2h') == 120 && minutes('3d') == 4320", True),
        ("daysUntil('2026-12-24') == 34", True),
        ("daysUntil('2026-11-20') == 0", True),
        ("daysUntil('2026-11-19') == -1", True),
        ("weekday(now, 'Europe/Berlin') == 'friday'", True),
        ("weekday(now, 'Pacific/Kiritimati') == 'saturday'", True),
        ("localTime(now, 'Europe/Berlin') == '16:30'", True),
        ("localTime(now, 'Asia/Kathmandu') == '21:15'", True),
        ("localTime(now, 'UTC') < '15:31' && localTime(now, 'UTC') >= '15:30'", True),
        ("businessHours(now, 'Europe/Berlin', 9, 17)", True),
        ("businessHours(now, 'Europe/Berlin', 9, 16)", False),
        ("businessHours(now, 'Europe/Berlin', 16, 17)", True),
        ("businessHours(now, 'Europe/Berlin', 17, 24)", False),
        ("businessHours(now, 'Pacific/Kiritimati', 0, 24)", False),
        ("businessDaysBetween(now, timestamp('2026-11-23T09:00:00Z')) == 1", True),
        ("businessDaysBetween(timestamp('2026-11-23T09:00:00Z'), now) == -1", True),
        ("businessDaysBetween(now, now) == 0", True),
        ("at([7, 8], 1, 0) == 8 && at([7, 8], 2, 0) == 0 && at([7, 8], -1, 0) == 0", True),
        ("at(['a'], 0, 'z') + at(['a'], 1, 'z') == 'az'", True),
        ("at([true], 0, false) && !at([true], 1, false)", True),
        ("at({'a': 1}, 'a', 0) == 1 && at({'a': 1}, 'b', 0) == 0", True),
        ("at({'a': 'x'}, 'b', 'y') == 'y' && at({'a': true}, 'a', false)", True),
    ],
)
def test_a_function_has_its_value(environment: Env, text: str, *, value: bool) -> None:
    assert holds(environment, text) is value


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("touches('')", "wrong-glob"),
        ("touches('/db/**')", "wrong-glob"),
        ("touches('!db/**')", "wrong-glob"),
        ("count('db//x') > 0", "wrong-glob"),
        ("glob('a', 'db/../x')", "wrong-glob"),
        ("touches('a' + 'b')", "partial-builtin"),
        ("count(change.metadata.title) > 0", "partial-builtin"),
        ("glob('a', change.metadata.title)", "partial-builtin"),
        ("services.exists(s, touches(s.name))", "partial-builtin"),
        ("weekday(now, 'Berlin') == 'friday'", "unknown-timezone"),
        ("weekday(now, 'localtime') == 'friday'", "unknown-timezone"),
        ("weekday(now, change.metadata.title) == 'friday'", "partial-builtin"),
        ("localTime(now, '+01:00') > '09:00'", "unknown-timezone"),
        ("localTime(now, 'UTC') > '24:00'", "impossible-comparison"),
        ("businessHours(now, 'UTC', -1, 9)", "wrong-value"),
        ("businessHours(now, 'UTC', 9, 9)", "wrong-value"),
        ("businessHours(now, 'UTC', diff.files, 9)", "partial-builtin"),
        ("daysUntil('24.12.2026') > 3", "wrong-value"),
        ("daysUntil('2026-1-5') > 3", "wrong-value"),
        ("daysUntil('20261224') > 3", "wrong-value"),
        ("minutes('1 hour') > 3", "wrong-value"),
        ("minutes('1w') > 3", "wrong-value"),
    ],
)
def test_what_is_written_out_is_checked_when_policies_load(
    environment: Env, text: str, rule: str
) -> None:
    assert rules(environment, text) == [rule]


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("services.all(s, has(s.until) && daysUntil(s.until) > 3)", Service(name="a", tier=1)),
        ("services.all(s, minutes(s.restore) > 3)", Service(name="a", tier=1, restore="4 h")),
        ("services.all(s, daysUntil(s.name) > 3)", Service(name="2026-02-30", tier=1)),
    ],
)
def test_a_text_of_the_data_that_is_none_gives_no_value(
    environment: Env, text: str, service: Service
) -> None:
    made = compiled(environment, text)
    if "until)" in text:  # a field that is missing is guarded, so there is a value
        assert made.evaluate(bound(environment, services=(service,))) is False
        return
    with pytest.raises(PolicyError):
        made.evaluate(bound(environment, services=(service,)))


def test_a_moment_at_the_edge_of_the_calendar_gives_no_value(environment: Env) -> None:
    made = compiled(environment, "weekday(now, 'Pacific/Kiritimati') == 'friday' || true")
    with pytest.raises(PolicyError, match="no local time in Pacific/Kiritimati"):
        made.evaluate(bound(environment, now=datetime(9999, 12, 31, 23, tzinfo=UTC)))


@given(start=MOMENTS, days=st.integers(min_value=0, max_value=400))
def test_business_days_are_those_that_are_counted_one_by_one(start: datetime, days: int) -> None:
    one_by_one = sum((start + timedelta(days=step)).weekday() < 5 for step in range(days))
    assert business_days(start, start + timedelta(days=days)) == one_by_one
    assert business_days(start + timedelta(days=days), start) == -one_by_one


@given(moment=MOMENTS)
def test_the_day_of_the_week_is_the_one_of_the_calendar(environment: Env, moment: datetime) -> None:
    name = WEEKDAYS[moment.weekday()]
    assert holds(environment, f"weekday(now, 'UTC') == '{name}'", now=moment)


def test_every_function_says_how_it_is_used_and_takes_as_many_values_as_it_names() -> None:
    for function in FUNCTIONS:
        names = function.usage.partition("(")[2].rstrip(")").split(", ")
        assert {len(each.parameters) for each in function.overloads} == {len(names)}
        assert function.summary.endswith(".")
        assert max([*function.checks, *function.literal], default=0) < len(names)


def test_functions_of_one_scene_do_not_answer_for_another(environment: Env) -> None:
    made = compiled(environment, "touches('db/**')")
    values = bound(environment).values
    assert made.evaluate(environment.bind(values, scene=scene()))
    assert not made.evaluate(environment.bind(values, scene=scene(paths=PATHS[1:])))
    assert made.evaluate(environment.bind(values, scene=scene()))


def test_a_glob_is_matched_once_however_often_it_is_asked_for() -> None:
    class Counted(tuple[str, ...]):
        __slots__ = ()
        rounds = 0

        def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
            Counted.rounds += 1
            return super().__iter__()

    environment = Environment(VARIABLES)
    made = compiled(environment, "services.all(s, touches('db/**') && count('db/**') == 1)")
    asked = Scene(paths=Counted(PATHS), now=NOW)
    assert made.evaluate(environment.bind(bound(environment).values, scene=asked))
    assert Counted.rounds == 1
