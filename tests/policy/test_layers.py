"""Layers of profiles: what is in force, and every way in which a higher layer may not loosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from itil_gate.model.calendar import Calendar
from itil_gate.model.external import ExternalCheck
from itil_gate.model.policy import ApprovalPolicy
from itil_gate.model.profile import Profile
from itil_gate.model.ruleset import RuleSet
from itil_gate.policy.layers import in_order, layered, split
from itil_gate.reading.read import read
from itil_gate.reading.yaml import parse_all

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding

KINDS: dict[str, Any] = {
    kind.__name__: kind for kind in (ApprovalPolicy, Calendar, ExternalCheck, Profile, RuleSet)
}


def profile(name: str, *, extends: str = "", **enforcement: str) -> str:
    rules = ", ".join(f"{rule.replace('_', '-')}: {how}" for rule, how in enforcement.items())
    below = f"extends: {extends}, " if extends else ""
    return document("Profile", name, f"{{{below}enforcement: {{{rules}}}}}")


def rules(name: str, replaces: str = "", **enforcement: str) -> str:
    below = f", replaces: {replaces}" if replaces else ""
    lines = ", ".join(
        f"{{id: {rule.replace('_', '-')}, expect: 'true', message: No., enforcement: {how}{below}}}"
        for rule, how in enforcement.items()
    )
    return document("RuleSet", name, f"{{rules: [{lines}]}}")


def approvals(name: str, role: str, replaces: str = "") -> str:
    spec = f"{{requirements: [{{id: a, levels: [low], role: {role}}}]}}"
    return document("ApprovalPolicy", name, spec, replaces)


def document(kind: str, name: str, spec: str, replaces: str = "") -> str:
    below = f", replaces: {replaces}" if replaces else ""
    return (
        f"apiVersion: itil-gate/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, owner: kim, reviewBy: 2099-01-01{below}}}\nspec: {spec}\n"
    )


def pairs(files: dict[str, str]) -> list[Any]:
    found = []
    for file, text in files.items():
        for one in parse_all(text, file=file):
            item = read(one, KINDS[one.data["kind"]])
            assert not isinstance(item, tuple), item
            found.append((one, item))
    return found


def layer(files: dict[str, str]) -> tuple[list[Any], list[Finding]]:
    return layered(pairs(files), policies_folder="policies")


def in_force(files: dict[str, str]) -> list[tuple[str, str]]:
    found, faults = layer(files)
    assert not faults, faults
    return [(one.file, item.metadata.name) for one, item in found]


def enforced(files: dict[str, str]) -> dict[str, str]:
    found, faults = layer(files)
    assert not faults, faults
    return {
        rule.id: rule.enforcement
        for _, item in found
        if isinstance(item, RuleSet)
        for rule in item.spec.rules
    }


def fault(files: dict[str, str]) -> str:
    _, faults = layer(files)
    return "\n".join(f"{one.place} {one.rule}: {one.message}; {one.remedy}" for one in faults)


LOW = {"policies/low/profile.yaml": profile("low")}
TWO = {**LOW, "policies/high/profile.yaml": profile("high", extends="low")}


def test_without_a_profile_nothing_is_touched_not_even_a_name_used_twice() -> None:
    given = pairs(
        {
            "policies/z.yaml": approvals("same", "peer"),
            "policies/a/x.yaml": approvals("same", "cab") + "---\n" + rules("r", one="hard"),
        }
    )
    found, faults = layered(given, policies_folder="policies")
    assert found == given
    assert faults == []


def test_one_profile_alone_is_in_force_whole() -> None:
    files = {**LOW, "policies/low/a.yaml": approvals("a", "peer")}
    assert in_force(files) == [
        ("policies/low/profile.yaml", "low"),
        ("policies/low/a.yaml", "a"),
    ]


def test_a_higher_layer_replaces_what_has_the_same_kind_and_name() -> None:
    files = {
        **TWO,
        "policies/high/a.yaml": approvals("a", "cab", "low")
        + "---\n"
        + document("Calendar", "b", "{}"),
        "policies/low/a.yaml": approvals("a", "peer") + "---\n" + approvals("b", "peer"),
    }
    assert in_force(files) == [
        ("policies/low/profile.yaml", "low"),
        ("policies/low/a.yaml", "b"),
        ("policies/high/profile.yaml", "high"),
        ("policies/high/a.yaml", "a"),
        ("policies/high/a.yaml", "b"),
    ]


@pytest.mark.parametrize(
    "own", ["policies/own.yaml", "policies/more/own.yaml", "calendar/own.yaml"]
)
def test_what_is_outside_of_the_profiles_is_the_highest_layer(own: str) -> None:
    files = {
        own: approvals("a", "cab", "high"),
        **TWO,
        "policies/high/a.yaml": approvals("a", "peer"),
    }
    assert in_force(files)[-1] == (own, "a")
    assert ("policies/high/a.yaml", "a") not in in_force(files)


def test_a_folder_inside_of_a_profile_belongs_to_it() -> None:
    files = {
        **TWO,
        "policies/low/deeper/still/a.yaml": approvals("a", "peer"),
        "policies/high/a.yaml": approvals("a", "cab", "low"),
    }
    assert ("policies/low/deeper/still/a.yaml", "a") not in in_force(files)


def test_layers_are_told_apart_so_that_names_can_be_unique_in_each() -> None:
    files = {
        **TWO,
        "policies/low/a.yaml": approvals("a", "x"),
        "policies/own.yaml": rules("r", q="soft"),
    }
    layers, faults = split(pairs(files), policies_folder="policies")
    assert not faults
    assert [[one.file.rpartition("/")[2] for one, _ in group] for group in layers] == [
        ["profile.yaml", "a.yaml"],
        ["profile.yaml"],
        ["own.yaml"],
    ]


def test_rule_sets_add_up_also_under_the_same_name() -> None:
    files = {
        **TWO,
        "policies/low/r.yaml": rules("r", one="hard", two="soft"),
        "policies/high/r.yaml": rules("r", three="advisory"),
    }
    assert enforced(files) == {"one": "hard", "two": "soft", "three": "advisory"}


def test_a_rule_that_is_not_hard_may_be_written_again_and_places_stay_right() -> None:
    low = (
        "apiVersion: itil-gate/v1\nkind: RuleSet\n"
        "metadata: {name: r, owner: kim, reviewBy: 2099-01-01}\nspec:\n  rules:\n"
        "    - {id: one, expect: 'true', message: No.}\n"
        "    - {id: two, expect: 'true', message: No.}\n"
        "    - {id: three, expect: 'true', message: No.}\n"
    )
    files = {
        **TWO,
        "policies/low/r.yaml": low,
        "policies/high/r.yaml": rules("more", "low", one="advisory", three="hard"),
    }
    assert enforced(files) == {"two": "soft", "one": "advisory", "three": "hard"}
    found, _ = layer(files)
    (one, item) = next(pair for pair in found if pair[0].file == "policies/low/r.yaml")
    assert [rule["id"] for rule in one.data["spec"]["rules"]] == ["two"]
    assert [rule.id for rule in item.spec.rules] == ["two"]
    assert one.place(("spec", "rules", 0, "id")).line == 7
    assert one.place(("metadata", "name")).line == 3


def test_a_rule_set_of_which_nothing_is_left_is_gone() -> None:
    files = {
        **TWO,
        "policies/low/r.yaml": rules("r", one="soft"),
        "policies/high/r.yaml": rules("more", "low", one="hard"),
    }
    assert "policies/low/r.yaml" not in [file for file, _ in in_force(files)]


def test_a_hard_rule_cannot_be_written_again_not_even_harder() -> None:
    files = {
        **TWO,
        "policies/low/r.yaml": rules("r", one="hard"),
        "policies/high/r.yaml": rules("r", zero="soft", one="hard"),
    }
    said = fault(files)
    assert said.startswith("policies/high/r.yaml:4:")
    assert "hard-rule-loosened: one is a hard rule of policies/low/r.yaml" in said


def test_a_profile_can_make_rules_of_its_own_and_of_lower_layers_stricter() -> None:
    files = {
        **LOW,
        "policies/high/profile.yaml": profile("high", extends="low", one="hard", two="soft"),
        "policies/low/r.yaml": rules("r", one="soft", other="soft"),
        "policies/high/r.yaml": rules("r", two="advisory"),
    }
    assert enforced(files) == {"one": "hard", "other": "soft", "two": "soft"}


def test_what_a_profile_made_hard_holds_in_the_layer_above() -> None:
    files = {
        **LOW,
        "policies/high/profile.yaml": profile("high", extends="low", one="hard"),
        "policies/low/r.yaml": rules("r", one="soft"),
        "policies/own.yaml": rules("own", one="soft"),
    }
    assert "hard-rule-loosened: one is a hard rule" in fault(files)


def test_to_say_again_how_strict_a_rule_is_harms_nothing() -> None:
    files = {
        "policies/low/profile.yaml": profile("low", one="hard"),
        "policies/low/r.yaml": rules("r", one="hard"),
    }
    assert enforced(files) == {"one": "hard"}


@pytest.mark.parametrize(("was", "wanted"), [("hard", "soft"), ("soft", "advisory")])
def test_a_profile_cannot_make_a_rule_less_strict(was: str, wanted: str) -> None:
    files = {
        "policies/low/profile.yaml": profile("low", one=wanted),
        "policies/low/r.yaml": rules("r", one=was),
    }
    assert f"rule-loosened: one is {was}, and the profile would make it {wanted}" in fault(files)


def test_a_profile_cannot_name_a_rule_of_a_layer_above_or_of_none() -> None:
    files = {
        "policies/low/profile.yaml": profile("low", no_runbok="hard", other="hard"),
        "policies/low/r.yaml": rules("r", no_runbook="soft"),
        "policies/own.yaml": rules("own", other="soft"),
    }
    said = fault(files)
    assert "unknown-rule: there is no rule no-runbok" in said
    assert "did you mean no-runbook?" in said
    assert "there is no rule other in this profile or below it" in said


def test_a_hard_external_check_cannot_be_replaced_and_a_soft_one_can() -> None:
    check = "{format: sarif, reason: Scan., enforcement: %s}"
    files = {
        **TWO,
        "policies/low/c.yaml": document("ExternalCheck", "scan", check % "hard"),
        "policies/high/c.yaml": document("ExternalCheck", "scan", check % "soft"),
    }
    assert "hard-rule-loosened: scan is a hard rule of policies/low/c.yaml" in fault(files)
    files["policies/low/c.yaml"] = document("ExternalCheck", "scan", check % "soft")
    assert "silent-replacement: the ExternalCheck scan takes" in fault(files)
    files["policies/high/c.yaml"] = document("ExternalCheck", "scan", check % "soft", "low")
    assert fault(files) == ""


@pytest.mark.parametrize("file", ["policies/own.yaml", "policies/high/own.yaml"])
@pytest.mark.parametrize(
    ("named", "expected"),
    [("", "and does not say so"), ("high", "and says that it is of high"), ("low", "")],
)
def test_a_document_replaces_one_below_only_if_it_says_so(
    file: str, named: str, expected: str
) -> None:
    files = {**TWO, "policies/low/a.yaml": approvals("a", "cab")}
    said = fault({**files, file: approvals("a", "peer", named)})
    if expected:
        assert said.startswith(f"{file}:3:{65 if named else 18} silent-replacement: ")
        assert said.endswith(
            f"the ApprovalPolicy a takes the place of the one in policies/low/a.yaml {expected}; "
            "write `replaces: low` beside its name if that is meant, or give it another"
        )
    else:
        assert said == ""
    assert fault({**files, file: approvals("b", "peer")}) == ""


def test_an_equal_name_replaces_the_highest_document_below() -> None:
    files = {
        **TWO,
        "policies/low/a.yaml": approvals("a", "peer"),
        "policies/high/a.yaml": approvals("a", "cab", "low"),
        "policies/own.yaml": approvals("a", "peer", "low"),
    }
    assert "policies/high/a.yaml and says that it is of low" in fault(files)
    files["policies/own.yaml"] = approvals("a", "peer", "high")
    assert fault(files) == ""


def test_a_rule_replaces_one_below_only_if_it_says_so() -> None:
    files = {**TWO, "policies/low/r.yaml": rules("r", one="soft", two="soft")}
    own = rules("own", one="advisory", three="soft")
    assert fault({**files, "policies/own.yaml": own}).startswith(
        "policies/own.yaml:4:21 silent-replacement: the rule one takes the place of the one in "
        "policies/low/r.yaml and does not say so"
    )
    assert fault({**files, "policies/own.yaml": rules("own", "low", one="advisory")}) == ""


@pytest.mark.parametrize(
    "own",
    [
        approvals("other", "peer", "low"),
        rules("own", "low", other="soft"),
        document("RuleSet", "r", "{rules: [{id: q, expect: 'true', message: No.}]}", "low"),
    ],
)
@pytest.mark.parametrize("profiles", [{}, LOW, TWO])
def test_what_says_that_it_replaces_something_does(own: str, profiles: dict[str, str]) -> None:
    files = {
        **profiles,
        "policies/low/a.yaml": approvals("a", "cab"),
        "policies/low/r.yaml": rules("r", one="soft"),
        "policies/own.yaml": own,
    }
    assert "replaces-nothing: the " in fault(files)


def test_to_extend_a_profile_that_is_not_there_names_the_one_that_was_meant() -> None:
    files = {**LOW, "policies/high/profile.yaml": profile("high", extends="loww")}
    assert "unknown-profile: high extends loww, which is no profile here; did you mean low?" in (
        fault(files)
    )


def test_profiles_that_extend_each_other_are_a_circle() -> None:
    files = {
        "policies/a/profile.yaml": profile("a", extends="b"),
        "policies/b/profile.yaml": profile("b", extends="a"),
    }
    assert "wrong-layers: profiles extend each other in a circle: a extends b extends a" in (
        fault(files)
    )


def test_a_circle_beside_a_sound_chain_is_found_too() -> None:
    files = {
        **TWO,
        "policies/a/profile.yaml": profile("a", extends="a"),
    }
    assert "in a circle: a extends a" in fault(files)


@pytest.mark.parametrize("below", ["", "low"])
def test_two_profiles_on_top_are_named(below: str) -> None:
    files = {**TWO, "policies/other/profile.yaml": profile("other", extends=below)}
    assert "wrong-layers: nobody extends high nor other" in fault(files)


@pytest.mark.parametrize(
    "file",
    [
        "policies/profile.yaml",
        "policies/team/profile.yaml",
        "policies/low/other.yaml",
        "policies/low/more/profile.yaml",
        "calendar/profile.yaml",
    ],
)
def test_a_profile_that_is_not_in_the_folder_of_its_name_is_refused(file: str) -> None:
    assert "wrong-layers: the profile low lies in" in fault({file: profile("low")})


def test_a_profile_described_twice_is_refused() -> None:
    files = {"policies/low/profile.yaml": profile("low") + "---\n" + profile("low")}
    assert "wrong-layers: the profile low is described twice" in fault(files)


def test_documents_in_order_end_with_those_in_force() -> None:
    files = {
        "policies/own.yaml": approvals("a", "own"),
        "policies/middle/a.yaml": approvals("a", "middle"),
        "policies/middle/profile.yaml": profile("middle", extends="zero"),
        "policies/top/a.yaml": approvals("a", "top"),
        "policies/top/profile.yaml": profile("top", extends="middle"),
        "policies/zero/a.yaml": approvals("a", "zero"),
        "policies/zero/profile.yaml": profile("zero"),
    }
    documents = [one for one, _ in pairs(files)]
    found = in_order(documents, policies_folder="policies")
    assert [one.file for one in found if one.data["kind"] == "ApprovalPolicy"] == [
        "policies/zero/a.yaml",
        "policies/middle/a.yaml",
        "policies/top/a.yaml",
        "policies/own.yaml",
    ]
