"""Recognised standard changes: which diffs are, which never are, and the request that is made."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from support.change_models import change_model, entry

from itil_gate.decide.coverage import check_coverage, survey
from itil_gate.decide.gate import read_requests
from itil_gate.decide.matter import Asked
from itil_gate.decide.recognise import Recognised, recognised, recognised_id, synthesise
from itil_gate.model.change import ChangeId, ChangeRequest
from itil_gate.model.config import Config
from itil_gate.model.policy import Source
from itil_gate.policy.model_rules import WRITTEN
from itil_gate.reading.read import read
from itil_gate.reading.services import read_entities
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.change_model import ChangeModel

TODAY = date(2026, 3, 2)
CONTENT = "c" * 64
TARGET = "refs/heads/main"
CONFIG = """\
apiVersion: itil-gate/v1
kind: Config
repository: example.com/acme/payments
exempt: [{paths: ["docs/**"], reason: Prose runs nowhere., reviewBy: 2027-01-01}]
environments: [{name: production, paths: ["certificates/live/**"]}]
extensions: schema/own.json
"""
SERVICES = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: payments-api, annotations: {itil-gate.dev/paths: "certificates/** **/*.pem .*/**"}}
"""
LIVE = "certificates/live/a.pem"


def published(name: str = "certificates", **spec: Any) -> ChangeModel:
    return change_model(name, **({"recognise": True, "limits": {"files": 3}} | spec))


def config(more: str = "") -> Config:
    value = read(parse(CONFIG + more, file="itil-gate.yaml"), Config)
    assert isinstance(value, Config)
    return value


def look(
    *paths: str | Any,
    models: Sequence[ChangeModel] = (),
    services: str = SERVICES,
    where: str = "",
    **given: Any,
) -> Recognised | tuple[str, ...]:
    catalogue = read_entities(services, file="catalog-info.yaml")
    return recognised(
        [entry(path) if isinstance(path, str) else path for path in paths],
        models=models or (published(),),
        config=config(where),
        services=catalogue,  # type: ignore[arg-type]
        **({"requester": "alice", "target": TARGET, "content": CONTENT, "today": TODAY} | given),
    )


def taken(found: Recognised | tuple[str, ...]) -> Recognised:
    assert isinstance(found, Recognised), found
    return found


def reason(found: Recognised | tuple[str, ...]) -> str:
    assert isinstance(found, tuple), found
    (said,) = found
    return said


def test_a_diff_within_one_published_model_is_recognised() -> None:
    found = taken(look(LIVE, entry("certificates/live/b.pem", "A")))
    assert found.model.metadata.name == "certificates"
    spec = found.asked.change.spec
    assert (spec.type, spec.model) == ("standard", "certificates")
    assert spec.services == ("payments-api",)
    assert spec.environments == ("production",)
    assert spec.scope == (LIVE, "certificates/live/b.pem")
    assert found.asked.change.metadata.requester == "alice"
    assert found.asked.change.metadata.id == found.asked.document.data["metadata"]["id"] == found.id


def test_the_id_is_of_repository_target_and_content() -> None:
    bound = b"itil-gate-recognised-v1\0example.com/acme/payments\0refs/heads/main\0" + b"c" * 64
    wanted = f"STD-certificates-{hashlib.sha256(bound).hexdigest()[:12]}"
    assert taken(look(LIVE)).id == wanted
    base = {"repository": "a", "target": "b", "content": "c"}
    ids = {recognised_id("m", **(base | {key: "x"})) for key in base}
    assert len(ids | {recognised_id("m", **base)}) == 4


def test_no_file_can_claim_the_id_of_a_recognised_change() -> None:
    name = taken(look(LIVE)).id
    with pytest.raises(ValidationError):
        TypeAdapter(ChangeId).validate_python(name)
    text = taken(look(LIVE)).asked.source.text
    asked, faults = read_requests([Source(path=f"changes/{name}.yaml", blob="", text=text)])
    assert not asked
    assert faults


def test_where_the_configuration_names_no_environment_the_model_does() -> None:
    limits = {"files": 3, "environments": ["staging"]}
    found = taken(look("certificates/a.pem", models=[published(limits=limits)]))
    assert found.asked.change.spec.environments == ("staging",)
    said = reason(look(LIVE, models=[published(limits=limits)]))
    assert "takes effect in production" in said
    assert "names an environment" in reason(look("certificates/a.pem"))


def test_somebody_owns_the_paths() -> None:
    other = SERVICES.replace("certificates/** **/*.pem .*/**", "src/**")
    assert "no service" in reason(look(LIVE, services=other))


@pytest.mark.parametrize(
    "model",
    [
        change_model(limits={"files": 3}),
        published(type="normal"),
        published(type="registration"),
    ],
)
def test_only_standard_models_that_say_so_recognise(model: ChangeModel) -> None:
    assert "no published standard model" in reason(look(LIVE, models=[model]))


def test_a_request_file_speaks_for_itself() -> None:
    for status in "AMD":
        found = look(LIVE, entry("changes/2026/CHG-2026-AAAA0001.yaml", status))
        assert "request files change" in reason(found)


def test_what_needs_no_request_is_not_recognised() -> None:
    assert "nothing governed" in reason(look())
    assert "nothing governed" in reason(look("docs/a.md", models=[published(paths=["docs/**"])]))


def test_exempt_paths_count_for_the_fit() -> None:
    assert "docs/a.md" in reason(look(LIVE, "docs/a.md"))


@pytest.mark.parametrize(
    "path",
    [
        "itil-gate.yaml",
        "people.yaml",
        "services/a.yaml",
        "catalog-info.yaml",
        "calendar/a.ics",
        "policies/a.yaml",
        "schema/own.json",
        ".github/workflows/a.yml",
        ".GitHub/workflows/a.yml",
        "action.yml",
        "certificates/action.yaml",
        ".gitattributes",
        "certificates/.GitAttributes",
        "certificates/.gitmodules",
        ".gitlab-ci.yml",
    ],
)
def test_the_judges_data_are_never_recognised(path: str) -> None:
    wide = published(paths=["certificates/**", "*", "*/**", "**/.*"])
    said = look(LIVE, path, models=[wide])
    assert isinstance(said, tuple)
    assert said[0].startswith("policies, people, configuration or what runs the gate change")
    assert path in said[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("000000", "120000"),
        ("120000", "000000"),
        ("120000", "120000"),
        ("100644", "120000"),
        ("000000", "160000"),
        ("160000", "160000"),
        ("160000", "000000"),
        ("100644", "100755"),
        ("100755", "100644"),
        ("000000", "100755"),
        ("100755", "000000"),
        ("100664", "100664"),
        ("000000", "040000"),
    ],
)
def test_links_submodules_and_changes_of_mode_are_never_recognised(old: str, new: str) -> None:
    said = reason(look(LIVE, entry("certificates/live/x", "M", old=old, new=new)))
    assert f"certificates/live/x ({old} to {new})" in said


def test_a_program_that_stays_one_may_change() -> None:
    taken(look(entry(LIVE, old="100755", new="100755")))


def test_the_judges_data_are_known_by_the_name_that_the_configuration_gives() -> None:
    where = "locations: {policies: certificates/Live}\n"
    said = reason(look("certificates/Live/a.pem", where=where))
    assert "policies, people, configuration" in said


def test_the_last_day_of_the_model_counts() -> None:
    taken(look(LIVE, models=[published(expires="2026-03-02")]))
    assert "expired" in reason(look(LIVE, models=[published(expires="2026-03-01")]))
    assert "certified" in reason(look(LIVE, models=[published(recertifyBy="2026-03-01")]))


def test_limits_hold_for_the_whole_diff() -> None:
    four = [f"certificates/live/{number}.pem" for number in range(4)]
    taken(look(*four[:3]))
    assert "4 files change" in reason(look(*four))
    assert "src/app.py" in reason(look(LIVE, "src/app.py"))
    few = published(limits={"files": 3, "deletions": 0, "risk": "low"})
    assert "deleted" in reason(look(entry(LIVE, "D"), models=[few]))
    assert "risk is medium" in reason(look(LIVE, models=[few], level="medium"))
    taken(look(LIVE, models=[few], level="low"))
    taken(look(LIVE, models=[few]))


def test_of_two_models_that_fit_none_is_taken() -> None:
    other = published("keys", paths=["**/*.pem"])
    said = reason(look(LIVE, models=[other, published()]))
    assert said.startswith("certificates and keys fit alike")
    smaller = published("keys", paths=["**/*.pem"], expires="2026-01-01")
    assert taken(look(LIVE, models=[smaller, published()])).model.metadata.name == "certificates"


def test_the_reasons_of_every_model_are_given() -> None:
    found = look(LIVE, models=[published(paths=["a/**"]), published("b", expires="2026-01-01")])
    assert isinstance(found, tuple)
    assert [said.partition(":")[0] for said in found] == ["b", "certificates"]


def test_fields_that_only_a_request_can_have_are_missing() -> None:
    demands = [{"path": "spec.plans.test", "is": "mandatory"}]
    assert "spec.plans.test is missing" in reason(look(LIVE, models=[published(fields=demands)]))


def test_a_requester_who_can_be_nobody_is_a_reason() -> None:
    assert "requester" in reason(look(LIVE, requester="Alice Example"))
    assert "requester" in reason(look(LIVE, requester='x"\n  type: normal'))


def made(**values: Any) -> Asked:
    asked = synthesise(
        published(**values.pop("spec", {})),
        **(
            {
                "id": "STD-certificates-000000000000",
                "paths": [LIVE],
                "services": ["b", "a"],
                "environments": ["production"],
                "requester": "alice",
            }
            | values
        ),
    )
    assert isinstance(asked, Asked), asked
    return asked


def test_the_request_is_the_same_whatever_the_order() -> None:
    one, other = made(), made(services=["a", "b"])
    assert one.source.text == other.source.text
    assert one.digest == hashlib.sha256(one.source.text.encode()).hexdigest()
    assert one.source.text.endswith('"\n')
    assert (one.source.blob, one.source.path) == (
        "",
        "recognised/STD-certificates-000000000000.yaml",
    )


def test_the_request_has_the_fields_that_models_may_count_on() -> None:
    data = made().document.data
    written = {f"{part}.{key}" for part in ("metadata", "spec") for key in data[part]}
    assert written == WRITTEN


def test_the_title_is_that_of_the_model_as_far_as_a_request_may_have_one() -> None:
    def title(text: str | None) -> str:
        model = published()
        named = model.metadata.model_copy(update={"title": text})
        asked = synthesise(
            model.model_copy(update={"metadata": named}),
            id="STD-certificates-000000000000",
            paths=[LIVE],
            services=["a"],
            environments=["production"],
            requester="alice",
        )
        assert isinstance(asked, Asked), asked
        return asked.change.metadata.title

    assert title("Renew a certificate") == "Renew a certificate"
    assert title(None) == "Standard change certificates"
    assert title("x" * 300) == "x" * 300
    assert title("x" * 301) == "x" * 300


def test_what_stands_for_a_request_can_be_read_like_one() -> None:
    asked = made()
    changed = asked.source.text.replace("STD-certificates-000000000000", "CHG-2026-AAAA0001")
    again = read(parse(changed, file="x.yaml"), ChangeRequest)
    assert isinstance(again, ChangeRequest)
    assert again.spec == asked.change.spec
    assert str(asked.document.place(("spec", "model"))).startswith("recognised/STD-certificates-")


def test_words_of_the_model_do_not_break_out_of_their_value() -> None:
    odd = 'a: "b"\nspec: {type: normal}\n--- # \\ {{ \u200b \U0001f600 \t*&!%'
    assert made(spec={"description": odd}).change.spec.reason == odd


@pytest.mark.parametrize("sign", ["\x1b", "\x7f", "\u0085", "\u202e", "\ufeff"])
def test_a_path_that_reorders_or_hides_what_is_shown_is_a_reason(sign: str) -> None:
    assert "no request can be written" in reason(look(f"certificates/live/{sign}a.pem"))


signs = st.sampled_from(
    list('aB.-_ *?!"\\\n\r\t\x1b\x7f\u2028\u202e\ufeff\u200bé\U0001f600:#{}[]&%')
)
segments = st.text(signs, min_size=1, max_size=6)
hostile = st.lists(segments, min_size=1, max_size=4).map("/".join)


@given(st.lists(hostile, min_size=1, max_size=12, unique=True))
def test_the_request_covers_any_paths_or_is_not_written(paths: list[str]) -> None:
    asked = synthesise(
        published(),
        id="STD-certificates-000000000000",
        paths=paths,
        services=["a"],
        environments=["production"],
        requester="alice",
    )
    if isinstance(asked, Asked):
        assert not check_coverage(survey([entry(path) for path in paths], config()), [asked.change])
        assert asked.change.spec.type == "standard"
        assert asked.change.spec.services == ("a",)
    else:
        odd = {".", ".."} | set("\x1b\x7f\u2028\u202e\ufeff\r")
        assert any(odd & {*path, *path.split("/")} for path in paths)


@given(
    st.sets(st.sampled_from((LIVE, "certificates/live/b.pem", "certificates/live/c.pem"))),
    st.sampled_from(("src/a.py", "people.yaml", "docs/a.md", "x/certificates/a.pem")),
)
def test_one_path_outside_keeps_any_diff_from_being_recognised(diff: set[str], more: str) -> None:
    assert bool(diff) == isinstance(look(*sorted(diff)), Recognised)
    assert not isinstance(look(*sorted(diff), more), Recognised)
