"""Coverage: which paths need a request, which requests hold them, and what is told of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.scenes import stored
from support.world import CHG, request_file

from itil_gate.decide.coverage import (
    check_coverage,
    check_request_files,
    environments_of,
    scope_paths,
    services_of,
    survey,
    unowned,
    unplaced,
)
from itil_gate.decide.gate import read_requests
from itil_gate.model.config import Config, EnvironmentPaths, Exemption
from itil_gate.model.facts import DiffEntry
from itil_gate.model.services import Service

if TYPE_CHECKING:
    from itil_gate.model.change import ChangeRequest

PROSE = Exemption.model_validate_json(
    '{"paths": ["docs/**", "*.md"], "reason": "Prose runs nowhere.", "reviewBy": "2027-01-01"}'
)
NOTES = Exemption.model_validate_json(
    '{"paths": ["docs/notes/**"], "reason": "Notes.", "reviewBy": "2027-01-01"}'
)


def config(**more: Any) -> Config:
    plain = Config.model_validate_json(
        '{"apiVersion": "itil-gate/v1", "kind": "Config", "repository": "example.com/a/b"}'
    )
    return plain.model_copy(update=more)


def entry(path: str, old: str = "100644", new: str = "100644", status: str = "M") -> DiffEntry:
    return DiffEntry.model_validate_json(
        '{{"oldMode": "{}", "newMode": "{}", "oldId": "{}", "newId": "{}", "status": "{}", '
        '"path": "{}"}}'.format(old, new, "a" * 40, "b" * 40, status, path)
    )


def test_changed_paths_are_sorted_by_what_they_need() -> None:
    request = entry("changes/2026/CHG-2026-AAAA0001.yaml")
    diff = [
        request,
        entry("docs/index.md"),
        entry("policies/risk.yaml"),
        entry("README.md"),
        entry("src/app.py"),
        entry("docs/notes/a.txt"),
    ]
    found = survey(diff, config(exempt=(PROSE, NOTES)))
    assert found.requests == (request,)
    assert found.judge == ("policies/risk.yaml",)
    assert found.governed == ("policies/risk.yaml", "src/app.py")
    assert found.exempt == (
        ("docs/index.md", "Prose runs nowhere."),
        ("README.md", "Prose runs nowhere."),
        ("docs/notes/a.txt", "Prose runs nowhere."),
    )


@pytest.mark.parametrize(
    ("old", "new", "exempt"),
    [
        ("100644", "100644", True),
        ("000000", "100644", True),
        ("100644", "000000", True),
        ("100755", "100644", False),
        ("100644", "100755", False),
        ("000000", "120000", False),
        ("120000", "000000", False),
        ("160000", "160000", False),
    ],
)
def test_an_exemption_covers_plain_files_before_and_after(
    old: str, new: str, *, exempt: bool
) -> None:
    found = survey([entry("docs/index.md", old, new)], config(exempt=(PROSE,)))
    assert (found.governed == ()) is exempt
    assert [path for path, _ in found.exempt] == (["docs/index.md"] if exempt else [])


def test_what_is_not_among_the_governed_paths_is_exempt_and_said_to_be() -> None:
    diff = [entry("src/app.py"), entry("other/x"), entry("policies/risk.yaml")]
    found = survey(diff, config(governed=("src/**",)))
    assert found.governed == ("src/app.py", "policies/risk.yaml")
    assert found.exempt == (("other/x", "not among the governed paths"),)
    assert survey(diff, config()).exempt == ()


def test_an_exemption_never_covers_the_judge() -> None:
    everything = PROSE.model_copy(update={"paths": ("**",)})
    found = survey([entry("policies/risk.yaml"), entry("a")], config(exempt=(everything,)))
    assert (found.governed, found.judge) == (("policies/risk.yaml",), ("policies/risk.yaml",))


@pytest.mark.parametrize(
    ("status", "mode", "rule"),
    [
        ("D", "000000", "deleted-request"),
        ("A", "100644", None),
        ("M", "100644", None),
        ("M", "100755", "irregular-request"),
        ("T", "120000", "irregular-request"),
        ("A", "160000", "irregular-request"),
    ],
)
def test_a_request_is_a_regular_file_that_stays(status: str, mode: str, rule: str | None) -> None:
    path = "changes/2026/CHG-2026-AAAA0001.yaml"
    found = check_request_files(survey([entry(path, new=mode, status=status)], config()))
    assert [one.rule for one in found] == ([rule] if rule else [])
    for one in found:
        assert one.place is not None
        assert (one.place.file, one.effect) == (path, "deny")
        assert path in one.message


def test_environments_are_those_of_any_path_sorted_by_name() -> None:
    there = config(
        environments=(
            EnvironmentPaths(name="staging", paths=("stage/**", "both/**")),
            EnvironmentPaths(name="production", paths=("prod/**", "both/**")),
        )
    )
    assert environments_of(["both/x", "src/a"], there) == ("production", "staging")
    assert environments_of(["stage/x"], there) == ("staging",)
    assert environments_of(["src/a"], there) == ()
    assert unplaced(["both/x", "src/a", "prod/y"], there) == ("src/a",)


def test_services_are_those_with_a_path_that_changes() -> None:
    services = [
        Service(name="api", title="", paths=("src/**", "lib/**")),
        Service(name="web", title="", paths=("web/**",)),
        Service(name="pathless", title="", paths=()),
    ]
    assert services_of(["lib/a", "docs/b"], services) == {"api"}
    assert services_of(["lib/a", "web/b"], services) == {"api", "web"}
    assert services_of(["docs/b"], services) == frozenset()
    assert unowned(["lib/a", "docs/b", "web/c"], services) == ("docs/b",)


def change(*scope: str) -> ChangeRequest:
    text = request_file(scope=", ".join(f'"{glob}"' for glob in scope))
    (asked,), _ = read_requests([stored(f"changes/2026/{CHG}.yaml", text)])
    return asked.change


def test_what_lies_in_no_scope_is_told_with_the_first_ten_paths() -> None:
    paths = [f"src/{number:02}" for number in range(12)]
    territory = survey([entry(path) for path in [*paths, "db/x"]], config())
    assert check_coverage(territory, [change("src/**"), change("db/**")]) == ()
    (found,) = check_coverage(territory, [change("db/**")])
    assert found.message == (
        "12 governed path(s) lie in no request's scope: " + ", ".join(paths[:10]) + " and 2 more"
    )
    assert (found.rule, found.effect) == ("uncovered-change", "deny")
    assert found.remedy.startswith("widen `spec.scope` of a request")
    assert found.place is not None
    assert found.place.file == "src/00"
    (found,) = check_coverage(territory, [change("src/**")])
    assert found.message == "1 governed path(s) lie in no request's scope: db/x"
    (found,) = check_coverage(territory, [])
    assert found.message.startswith("13 governed path(s) ")
    assert found.remedy.startswith("add a change request")
    ten = survey([entry(path) for path in paths[:10]], config())
    (found,) = check_coverage(ten, [])
    assert found.message.endswith("src/08, src/09")


def test_the_paths_of_a_request_are_the_governed_ones_in_its_scope() -> None:
    diff = [entry("src/a"), entry("db/b"), entry("docs/c"), entry("src/d")]
    territory = survey(diff, config(exempt=(PROSE,)))
    assert scope_paths(change("src/**", "docs/**"), territory) == ("src/a", "src/d")
