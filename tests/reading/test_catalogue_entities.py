from __future__ import annotations

import pytest

from itil_gate.model.finding import Finding
from itil_gate.model.services import Service
from itil_gate.reading.services import read_entities, reference_name

CATALOGUE = """\
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: payments-api
  title: Payments API
  namespace: default
  labels: {team: payments}
  annotations:
    itil-gate.dev/tier: "1"
    itil-gate.dev/data-class: secret
    itil-gate.dev/paths: deploy/payments/**  certs/**
    example.com/other: anything
spec:
  type: service
  lifecycle: production
  owner: group:default/payments
  dependsOn: [component:default/ledger, resource:ledger-db, api:mail/v2, ledger]
  anything: [else]
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments}
spec: {type: team, children: []}
---
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: new-service}
---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: {name: ledger-db}
spec: {type: database}
"""


def rules(text: str) -> list[str]:
    found = read_entities(text, file="catalog-info.yaml")
    return [item.rule for item in found if isinstance(item, Finding)]


def test_services_are_what_their_entities_say() -> None:
    api, database = read_entities(CATALOGUE, file="catalog-info.yaml")
    assert dict(api.annotations)["tier"] == "1"
    assert api.model_copy(update={"annotations": ()}) == Service(
        name="payments-api",
        title="Payments API",
        tier=1,
        lifecycle="production",
        data_class="secret",
        paths=("deploy/payments/**", "certs/**"),
        depends_on=("ledger", "ledger-db", "v2"),
    )
    assert database == Service(name="ledger-db", title="ledger-db")


def test_a_file_of_other_entities_has_no_services() -> None:
    text = "apiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: {name: kim}\n"
    assert read_entities(text, file="f") == ()


@pytest.mark.parametrize(
    "text",
    [
        CATALOGUE.replace("kind: Resource", "kind: Ressource"),
        CATALOGUE.replace("kind: Resource", "kind: resource"),
        CATALOGUE.replace("backstage.io/v1alpha1\nkind: Resource", "other.io/v1\nkind: Resource"),
        CATALOGUE.replace("name: ledger-db}", "name: 'ledger db'}"),
    ],
)
def test_what_may_be_a_misspelt_service_is_not_passed_over(text: str) -> None:
    assert rules(text) == ["wrong-value"]


@pytest.mark.parametrize("tier", ["0", "6", "gold", "", "01", "1.0", "٣"])
def test_a_tier_is_one_to_five(tier: str) -> None:
    assert rules(CATALOGUE.replace('tier: "1"', f'tier: "{tier}"')) == ["wrong-tier"]


def test_annotations_are_texts_as_backstage_has_them() -> None:
    assert rules(CATALOGUE.replace('tier: "1"', "tier: 1")) == ["wrong-type"]


def test_every_path_must_be_a_glob() -> None:
    text = CATALOGUE.replace("certs/**", "/certs **x")
    assert rules(text) == ["wrong-glob", "wrong-glob"]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("ledger", "ledger"),
        ("component:ledger", "ledger"),
        ("component:default/ledger", "ledger"),
        ("default/ledger", "ledger"),
        ("Component:Default/Ledger", "Ledger"),
        ("component:", None),
        ("component:default/", None),
        ("a b", None),
        ("a/b/c", None),
        ("", None),
        ("ledger\n", None),
    ],
)
def test_a_reference_is_resolved_to_a_name(reference: str, name: str | None) -> None:
    assert reference_name(reference) == name


def test_one_name_is_one_service_even_of_two_kinds() -> None:
    assert rules(CATALOGUE.replace("name: ledger-db", "name: payments-api")) == [
        "duplicate-service"
    ]


def test_a_broken_document_refuses_the_whole_file() -> None:
    assert rules(CATALOGUE + "---\na: [") == ["not-yaml"]
    assert rules("") == ["empty-document"]
