"""External checks that ask for a signature: whose key can be pinned, and what does not load."""

from __future__ import annotations

import pytest
from support.log import signer

from itil_gate.model.errors import ConfigError
from itil_gate.model.policy import PolicySet, Source
from itil_gate.policy.compile import compile_policies
from itil_gate.signing.ed25519 import public_line

HEAD = "apiVersion: itil-gate/v1\nmetadata: {name: NAME, owner: board, reviewBy: 2099-01-01}\n"
SET = {
    "itil-gate.yaml": "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a\n",
    "people.yaml": "apiVersion: itil-gate/v1\nkind: People\npersons: [{id: kim, name: Kim Bo}]\n",
    "policies/risk.yaml": f"{HEAD.replace('NAME', 'risk')}kind: RiskModel\nspec: {{}}\n",
    "policies/approvals.yaml": f"{HEAD.replace('NAME', 'all')}kind: ApprovalPolicy\n"
    "spec: {requirements: [{id: all, levels: [low], role: peer}]}\n",
}
ONE, TWO = (public_line(signer(number).public) for number in (91, 92))
ECDSA = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBE"
    "KSLTmQz7rsmrhKwkMUkCJh1iLZqM9iNfmlYBG9yhkLkFHL3Sfhz8UZ0TbJ9FLJCQTBLSVDQoHB4XwPPoDvY3g="
)


def check(name: str, *keys: str, form: str = "sarif", kind: str = "") -> str:
    rows = ", ".join(f"{{id: s{number}, key: {key}}}" for number, key in enumerate(keys))
    more = f", predicateType: {kind}" if kind else ""
    return (
        f"{HEAD.replace('NAME', name)}kind: ExternalCheck\n"
        f"spec: {{format: {form}, reason: R., signed: {{by: [{rows}]{more}}}}}\n"
    )


def compiled(*checks: str) -> PolicySet:
    files = SET | {f"policies/{number}.yaml": text for number, text in enumerate(checks)}
    return compile_policies([Source(path=path, blob="", text=text) for path, text in files.items()])


def refusal(*checks: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compiled(*checks)
    return "; ".join(f"{one.place}: {one.message}" for one in caught.value.findings)


def test_a_check_names_the_type_of_its_report_or_has_that_of_its_format() -> None:
    found = compiled(check("a", ONE), check("b", ONE, form="conftest"), check("c", TWO, kind="x:y"))
    assert [one.spec.predicate_type for one in found.external_checks] == [
        "https://itil-gate.dev/report/sarif/v1",
        "https://itil-gate.dev/report/conftest/v1",
        "x:y",
    ]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("ssh-ed25519", "is no public key"),
        ("ssh-ed25519 AAAA", "is no public key"),
        (ECDSA, "is no key of type ssh-ed25519"),
        (f"{ONE[:-4]}", "is no"),
    ],
)
def test_what_is_no_key_of_ed25519_does_not_load(key: str, words: str) -> None:
    assert words in refusal(check("a", key))


def test_a_check_without_signers_or_with_one_twice_does_not_load() -> None:
    assert "by" in refusal(check("a"))
    assert "lists a key twice" in refusal(check("a", ONE, f"{ONE} again"))


def test_reports_that_could_be_exchanged_do_not_load() -> None:
    said = refusal(check("a", ONE), check("b", TWO, ONE))
    assert "policies/1.yaml" in said
    assert "s1 signs for b and for a, both as https://itil-gate.dev/report/sarif/v1" in said
    assert refusal(check("a", ONE, kind="x:y"), check("b", ONE, kind="x:y"))
    compiled(check("a", ONE), check("b", TWO))
    compiled(check("a", ONE), check("b", ONE, kind="x:y"))
