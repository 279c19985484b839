"""Whether requirements can be met whoever the author is: held against trying everybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itil_gate.decide.contributors import Contributors
from itil_gate.decide.lane import LANES
from itil_gate.decide.prospects import (
    ELSEWHERE,
    calendar_findings,
    prospect_findings,
    some,
    survey_prospects,
)
from itil_gate.decide.requirements import demands, settle
from itil_gate.decide.roster import build_roster
from itil_gate.model.base import LEVELS
from itil_gate.model.decision import Contributor
from itil_gate.model.policy import CalendarText, Source
from itil_gate.policy.compile import compile_policies
from itil_gate.policy.lint import policy_documents
from itil_gate.reading.requests import read_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.policy import PolicySet

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PEOPLE = ("ann", "ben", "cat", "dan", "eve")
ROLES = ("owner", "board")


def sources(
    requirements: Sequence[str],
    roles: Mapping[str, Sequence[str]],
) -> list[Source]:
    meta = "metadata: {name: x, owner: board, reviewBy: 2099-01-01}\n"
    persons = ", ".join(f"{{id: {name}, name: {name}}}" for name in PEOPLE)
    grants = "".join(
        f"  - {{role: {role}, members: [{', '.join(members)}]}}\n"
        for role, members in roles.items()
        if members
    )
    files = {
        "itil-gate.yaml": "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a\n",
        "people.yaml": f"apiVersion: itil-gate/v1\nkind: People\npersons: [{persons}]\n"
        + (f"roles:\n{grants}" if grants else ""),
        "services/a.yaml": "apiVersion: backstage.io/v1alpha1\nkind: Component\n"
        "metadata: {name: app}\n",
        "policies/risk.yaml": f"apiVersion: itil-gate/v1\nkind: RiskModel\n{meta}spec: {{}}\n",
        "policies/approvals.yaml": f"apiVersion: itil-gate/v1\nkind: ApprovalPolicy\n{meta}"
        "spec:\n  requirements:\n" + "".join(f"    - {{{one}}}\n" for one in requirements),
    }
    return [Source(path=path, blob="", text=text) for path, text in files.items()]


def request(author: str) -> ChangeRequest:
    result = read_request(
        "apiVersion: itil-gate/v1\nkind: ChangeRequest\n"
        f"metadata: {{id: CHG-2026-00000001, title: x, requester: {author}}}\n"
        "spec: {type: normal, services: [app], environments: [p], scope: ['**'], reason: x}\n",
        file="CHG-2026-00000001.yaml",
    )
    assert not isinstance(result, tuple)
    return result


def impossible(policies: PolicySet, author: str, level: str, unable: Sequence[str] = ()) -> bool:
    """Ask the gate's own functions about one author."""
    barred = {author, *unable} - {"nobody"}
    people = tuple(Contributor(person=name, reasons=("x",), proved=True) for name in sorted(barred))
    wanted = demands(
        policies.approvals,
        change=request(author),
        level=level,  # type: ignore[arg-type]
        footprint=("app",),
        touched=("app",),
        roster=build_roster(policies.people),
        contributors=Contributors(people=people, unattributable=(), unproved=(), by_agent=False),
        now=NOW,
        lane=LANES[level],  # type: ignore[index]
        holds=lambda _policy, _requirement: True,
        on_paper=True,
    )
    return bool(settle(wanted, {}, side="target").impossible)


REQUIREMENT = st.fixed_dictionaries(
    {
        "levels": st.sampled_from(["[low]", "[high]", "[low, high]"]),
        "role": st.sampled_from([*ROLES, "peer"]),
        "of": st.sampled_from(["anyone", "footprint"]),
        "quorum": st.sampled_from(["min: 1", "min: 2", "min: 3", "percent: 50", "percent: 100"]),
        "distinct": st.sampled_from(["true", "false"]),
        "fallback": st.sampled_from([None, *ROLES, "peer"]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(REQUIREMENT, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(ROLES), st.sets(st.sampled_from(PEOPLE)).map(sorted)),
    st.sets(st.sampled_from(PEOPLE), max_size=2),
)
def test_it_agrees_with_trying_everybody_as_the_author(
    wishes: list[dict[str, str]], roles: dict[str, list[str]], unable: set[str]
) -> None:
    lines = []
    for number, wish in enumerate(wishes):
        fallback = f", fallback: {wish['fallback']}" if wish["fallback"] else ""
        lines.append(
            f"id: r{number}, levels: {wish['levels']}, role: {wish['role']}, of: {wish['of']}, "
            f"{wish['quorum']}, distinct: {wish['distinct']}{fallback}"
        )
    policies = compile_policies(sources(lines, roles))
    for prospect in survey_prospects(policies, now=NOW, unable=unable):
        never = impossible(policies, "nobody", prospect.level, sorted(unable))
        assert never == any(one.author is None for one in prospect.obstacles)
        if not never:
            expected = {
                name
                for name in PEOPLE
                if name not in unable and impossible(policies, name, prospect.level, sorted(unable))
            }
            assert set(prospect.depends_on) == expected


def test_every_level_is_told_once_for_services_that_the_same_people_own() -> None:
    files = sources(
        ["id: own, levels: [low], role: owner, of: footprint"], {"owner": ["ann", "ben"]}
    )
    more = "\n---\n".join(
        f"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: s{number}}}"
        for number in range(30)
    )
    policies = compile_policies([*files, Source(path="services/b.yaml", blob="", text=more)])
    found = survey_prospects(policies, now=NOW)
    assert [one.level for one in found] == list(LEVELS)
    assert all(len(one.services) == 31 for one in found)
    assert found[0].possible
    assert not found[1].demands
    assert not found[1].possible


def test_a_finding_names_the_requirement_the_people_and_the_place() -> None:
    files = sources(["id: own, levels: [low], role: owner, of: footprint"], {"owner": ["ann"]})
    policies = compile_policies(files)
    (found,) = prospect_findings(policies, policy_documents(files, policies.config), now=NOW)
    assert found.rule == "unsatisfiable-requirement"
    assert found.message == (
        "own needs 1 owner for app, and at low risk too few people are left to approve "
        "changes by ann"
    )
    assert str(found.place) == "policies/approvals.yaml:6:12"


def test_what_nobody_can_meet_is_said_of_anybodys_changes() -> None:
    files = sources(
        ["id: own, levels: [low, high], role: board, min: 9"], {"board": ["ann", "ben"]}
    )
    policies = compile_policies(files)
    (found,) = prospect_findings(policies, (), now=NOW)
    assert "at low and high risk" in found.message
    assert found.message.endswith("anybody's changes")
    assert found.place is None


def test_a_level_is_possible_unless_nobodys_change_could_be_approved() -> None:
    own = "id: own, levels: [low, high], role: owner, of: footprint"
    two = "id: two, levels: [high], role: board, min: 9"
    policies = compile_policies(sources([own, two], {"owner": ["ben", "ann"], "board": ["cat"]}))
    low, medium, high, _ = survey_prospects(policies, now=NOW)
    assert (low.possible, low.depends_on) == (True, ())
    assert (medium.possible, medium.depends_on) == (False, ())
    assert (high.possible, high.depends_on) == (False, ())
    assert [one.id for obstacle in high.obstacles for one in obstacle.demands] == ["two"]


def test_a_level_depends_on_each_person_without_whom_it_cannot_be_met() -> None:
    policies = compile_policies(
        sources(["id: both, levels: [low], role: owner, min: 2"], {"owner": ["dan", "ann"]})
    )
    low, *_ = survey_prospects(policies, now=NOW)
    assert (low.possible, low.depends_on) == (True, ("ann", "dan"))
    low, *_ = survey_prospects(policies, now=NOW, unable=["ann"])
    assert (low.possible, low.depends_on) == (False, ())


def test_services_stand_together_only_where_the_same_people_hold_what_is_asked() -> None:
    files = sources(
        ["id: own, levels: [low], role: owner, of: footprint, fallback: board"],
        {"owner": ["ann", "ben"], "board": ["cat"]},
    )
    more = "\n---\n".join(
        f"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}"
        for name in ("lib", "shop")
    )
    people = next(one for one in files if one.path == "people.yaml")
    grants = "  - {role: owner, members: [dan], services: [shop]}\n"
    files = [one for one in files if one is not people]
    files.append(people.model_copy(update={"text": people.text + grants}))
    files.append(Source(path="services/b.yaml", blob="", text=more))
    low, *rest = survey_prospects(compile_policies(files), now=NOW)
    told = [(one.level, one.services) for one in (low, *rest)]
    assert told[:3] == [
        ("low", ("app", "lib")),
        ("low", ("shop",)),
        ("medium", ("app", "lib", "shop")),
    ]


def test_without_a_service_the_catalogue_is_surveyed_all_the_same() -> None:
    files = sources(["id: see, levels: [low], role: peer"], {"owner": ["ann"]})
    files = [one for one in files if not one.path.startswith("services/")]
    found = survey_prospects(compile_policies(files), now=NOW)
    assert [(one.level, one.services, one.possible) for one in found] == [
        ("low", (), True),
        ("medium", (), False),
        ("high", (), False),
        ("critical", (), False),
    ]
    (stuck,) = prospect_findings(
        compile_policies(
            [
                one
                if one.path != "policies/approvals.yaml"
                else one.model_copy(update={"text": one.text.replace("peer", "peer, min: 9")})
                for one in files
            ]
        ),
        (),
        now=NOW,
    )
    assert stuck.message == (
        "see needs 9 peer, and at low risk too few people are left to approve anybody's changes"
    )


def test_where_it_fails_for_anybody_at_one_level_anybodys_changes_are_told() -> None:
    half = "id: own, levels: [low, high], role: board, min: 2"
    also = "id: more, levels: [high], role: board, min: 2"
    files = sources([half, also], {"board": ["ann", "ben", "cat"]})
    found = prospect_findings(compile_policies(files), (), now=NOW)
    messages = {one.message.partition(" ")[0]: one.message for one in found}
    assert messages["more"].endswith("approve anybody's changes")


def test_of_many_names_five_are_told() -> None:
    assert some("abcde") == "a, b, c, d, e"
    assert some("abcdef") == "a, b, c, d, e and 1 more"
    assert some("abc", most=1) == "a and 2 more"


CALENDAR = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: ops, owner: board, reviewBy: 2099-01-01}
spec:
"""
PERIOD = (
    '  freezes: [{id: p, reason: Rest., start: "2026-03-03T00:00", end: "2026-03-03T00:05", '
    "timezone: UTC, rrule: RULE}]\n"
)


def calendar_found(spec: str, *, ics: str | None = None) -> list[tuple[str, str]]:
    files = sources(["id: see, levels: [low], role: peer"], {})
    files.append(Source(path="calendar/ops.yaml", blob="", text=CALENDAR + spec))
    if ics is not None:
        files.append(Source(path="calendar/ops.ics", blob="", text=ics))
    found = calendar_findings(compile_policies(files), now=NOW)
    return [(one.rule, one.message) for one in found if one.remedy]


def test_calendars_that_can_be_worked_out_are_found_in_order() -> None:
    assert calendar_found(PERIOD.replace("RULE", "FREQ=WEEKLY")) == []


def test_a_calendar_that_cannot_be_read_or_worked_out_is_found() -> None:
    ((rule, message),) = calendar_found(PERIOD.replace("RULE", "FREQ=WEEKLY;BYDAY=XX"))
    assert rule == "calendar-invalid"
    assert message.startswith("freeze p of the calendar ops: rrule: ")
    ((rule, message),) = calendar_found(PERIOD.replace("RULE", "FREQ=MINUTELY"))
    assert rule == "calendar-invalid"
    assert message.startswith("a recurrence rule is minutely")


def test_a_file_that_is_missing_or_cannot_be_read_is_found() -> None:
    files = "  files: [{path: calendar/ops.ics, means: freeze}]\n"
    policies = compile_policies(
        [
            *sources(["id: see, levels: [low], role: peer"], {}),
            Source(path="calendar/ops.yaml", blob="", text=CALENDAR + files),
            Source(path="calendar/ops.ics", blob="", text="BEGIN:VCALENDAR\nEND:VCALENDAR\n"),
        ]
    )
    (found,) = calendar_findings(policies.model_copy(update={"calendar_texts": ()}), now=NOW)
    assert found.rule == "calendar-invalid"
    assert "calendar/ops.ics" in found.message
    broken = (CalendarText(path="calendar/ops.ics", text="BEGIN:VCALENDAR\n"),)
    (found,) = calendar_findings(policies.model_copy(update={"calendar_texts": broken}), now=NOW)
    assert (found.rule, str(found.place)) == ("calendar-invalid", "calendar/ops.ics:1:1")


def granted(files: Sequence[Source], grants: str) -> list[Source]:
    """Return the files with more grants, and with two more services."""
    more = "\n---\n".join(
        f"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}"
        for name in ("lib", "shop")
    )
    return [
        one.model_copy(update={"text": one.text + grants}) if one.path == "people.yaml" else one
        for one in (*files, Source(path="services/b.yaml", blob="", text=more))
    ]


def test_what_fails_for_anybody_somewhere_is_told_of_anybodys_changes() -> None:
    files = sources(["id: own, levels: [low], role: owner, of: footprint"], {"board": ["cat"]})
    grants = (
        "  - {role: owner, members: [ann], services: [app]}\n"
        "  - {role: owner, members: [ann, ben], services: [shop]}\n"
    )
    policies = compile_policies(granted(files, grants))
    app, lib, shop, *_ = survey_prospects(policies, now=NOW)
    assert [(one.services, one.possible, one.depends_on) for one in (app, lib, shop)] == [
        (("app",), True, ("ann",)),
        (("lib",), False, ()),
        (("shop",), True, ()),
    ]
    (found,) = prospect_findings(policies, (), now=NOW)
    assert found.message == (
        "own needs 1 owner for app, lib, and at low risk too few people are left to approve "
        "anybody's changes"
    )


def test_who_stands_in_counts_for_who_stands_alike_and_for_whom_it_rests_on() -> None:
    own = "id: own, levels: [low], role: owner, of: footprint, min: 2, fallback: board"
    files = sources([own], {"owner": [], "board": ["ann", "ben"]})
    grants = "  - {role: board, members: [cat], services: [shop]}\n"
    app, shop, *_ = survey_prospects(compile_policies(granted(files, grants)), now=NOW)
    assert (app.services, app.depends_on) == (("app", "lib"), ("ann", "ben"))
    assert (shop.services, shop.depends_on) == (("shop",), ())


def test_a_requirement_with_a_condition_must_be_possible_to_meet_too() -> None:
    own = "id: own, levels: [low], role: owner, min: 9, when: 'diff.files > 3'"
    low, *_ = survey_prospects(compile_policies(sources([own], {"owner": ["ann"]})), now=NOW)
    assert ([one.id for one in low.demands], low.possible) == (["own"], False)


def test_who_stands_in_is_asked_where_the_only_holder_cannot_sign() -> None:
    own = "id: own, levels: [low], role: owner, of: footprint, fallback: board"
    policies = compile_policies(sources([own], {"owner": ["ann"], "board": ["ben", "cat"]}))
    low, *_ = survey_prospects(policies, now=NOW, unable=["ann"])
    assert (low.possible, low.depends_on) == (True, ())


@pytest.mark.parametrize(("events", "found"), [(1, False), (5, True)])
def test_calendars_that_take_place_too_often_within_ninety_days_are_found(
    events: int, *, found: bool
) -> None:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//x//EN"]
    for number in range(events):
        lines += [
            *("BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20260101T000000Z", "SUMMARY:Often"),
            *(f"DTSTART:{NOW + timedelta(days=1):%Y%m%dT%H%M%SZ}", "DURATION:PT1M"),
            *("RRULE:FREQ=HOURLY", "END:VEVENT"),
        ]
    often = "\r\n".join([*lines, "END:VCALENDAR", ""])
    files = "  files: [{path: calendar/ops.ics, means: freeze}]\n"
    told = calendar_found(files, ics=often)
    assert [rule for rule, _ in told] == ["calendar-invalid"] * found
    assert all("takes place more than 10000 times" in message for _, message in told)


def test_files_of_no_service_are_surveyed_where_others_answer_for_them() -> None:
    """Whoever is board for all services answers for them; nobody does who is for one alone."""
    asked = ["id: see, levels: [low], role: board", "id: own, levels: [low], role: owner"]
    limited = (
        "  - {role: board, members: [ann, ben], services: [app, lib, shop]}\n"
        "  - {role: owner, members: [cat, dan]}\n"
    )
    wide = limited + "  - {role: board, members: [cat, dan]}\n"
    for grants, told in ((limited, False), (wide, True)):
        policies = compile_policies(granted(sources(asked, {"cab": ["ann"]}), grants))
        low = [one for one in survey_prospects(policies, now=NOW) if one.level == "low"]
        assert [(one.services, one.possible) for one in low] == [
            (("app", "lib", "shop"), True),
            ((ELSEWHERE,), told),
        ]
    (found,) = prospect_findings(
        compile_policies(granted(sources(asked, {"cab": ["ann"]}), limited)), (), now=NOW
    )
    assert found.message == (
        "see needs 1 board for files of no service, and at low risk too few people are left to "
        "approve anybody's changes"
    )
