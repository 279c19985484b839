"""The world of a policy test, made of its few lines: people, services, a diff, signatures.

What is made here looks to the gate like what is gathered from a repository, and is made anew for
every case. The keys are public keys that nobody has the private half of: nothing is signed, and
statements are facts that the test simply asserts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from typing import TYPE_CHECKING

from itil_gate.decide.appetites import bound_appetites
from itil_gate.model.canonical import as_json, digest
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.facts import (
    ApprovedContent,
    CommitFact,
    ContentFact,
    DiffEntry,
    ExternalResult,
    Facts,
    HistoryFacts,
    Identity,
    Inputs,
    SealFact,
    SignatureFact,
    StatementFact,
)
from itil_gate.model.finding import Finding
from itil_gate.model.fingerprint import fingerprint
from itil_gate.model.frozen import frozen
from itil_gate.model.people import PEER
from itil_gate.model.policy import Source
from itil_gate.model.services import (
    ANNOTATION_DATA_CLASS,
    ANNOTATION_PATHS,
    ANNOTATION_TIER,
)
from itil_gate.model.statement import ApprovalPredicate, BoundRequirement
from itil_gate.policy.compile import compile_policies
from itil_gate.reading.globs import compile_globs
from itil_gate.reading.times import length

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from pydantic import JsonValue

    from itil_gate.model.config import Config
    from itil_gate.model.decision import ChangeVerdict, RequirementState
    from itil_gate.model.external import ExternalSpec
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.policy_test import (
        CaseApproval,
        CaseFacts,
        CaseResults,
        CaseService,
        ChangedPath,
        PolicyTest,
    )

TARGET = "refs/heads/main"
CHANGE_ID = "CHG-2000-TEST0001"
"""The id of a request that names none."""
ABSENT_MODE = "000000"
PREFIX = "itil-gate.dev/"


@frozen
class Proposed:
    """The request of a case as it would stand in the pull request."""

    id: str
    source: Source
    mark: str
    """SHA-256 of its bytes."""
    scope: tuple[str, ...]
    requester: str


def merge_patch(target: JsonValue, patch: JsonValue) -> JsonValue:
    """Return a JSON value with a merge patch applied (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def facts_of(test: PolicyTest, own: CaseFacts) -> CaseFacts:
    """Return the facts of a case: its own where it gives them, else those of the test."""
    given = {name: getattr(own, name) for name in own.model_fields_set}
    if own.history is not None and test.spec.facts.history is not None:
        said = {name: getattr(own.history, name) for name in own.history.model_fields_set}
        given["history"] = test.spec.facts.history.model_copy(update=said)
    return test.spec.facts.model_copy(update=given)


def request_of(
    test: PolicyTest, patch: dict[str, JsonValue] | None, facts: CaseFacts
) -> dict[str, JsonValue] | None:
    """Return the request of a case as plain data; None where there is none."""
    base = merge_patch(_plain_request(test, facts), test.spec.base)
    merged = merge_patch(base, patch)
    return merged if isinstance(merged, dict) else None


def propose(request: Mapping[str, JsonValue] | None, *, folder: str) -> Proposed | None:
    """Return a request as the file that a pull request adds."""
    if request is None:
        return None
    text = json.dumps(request, ensure_ascii=False)
    metadata, spec = request.get("metadata"), request.get("spec")
    metadata = metadata if isinstance(metadata, dict) else {}
    scope = spec.get("scope") if isinstance(spec, dict) else None
    name = str(metadata.get("id"))
    return Proposed(
        id=name,
        source=Source(path=f"{folder}/{name}.yaml", blob=_oid(text), text=text),
        mark=_mark(text),
        scope=tuple(map(str, scope)) if isinstance(scope, list) else (),
        requester=str(metadata.get("requester")),
    )


def judge_of(
    test: PolicyTest, facts: CaseFacts, *, policies: Iterable[Source], config: Config
) -> tuple[Source, ...]:
    """Return the judge's data of a case: the policies under test, and the world of the test."""
    places = config.locations
    if test.spec.environments is not None:
        config = config.model_copy(update={"environments": test.spec.environments})
    made = {
        CONFIG_PATH: _said(as_json(config)),
        places.people: _people(test, facts),
        places.catalog: None,
    }
    texts = {path: json.dumps(data, ensure_ascii=False) for path, data in made.items() if data}
    if test.spec.services:
        texts[places.catalog] = "\n---\n".join(
            json.dumps(_entity(service), ensure_ascii=False) for service in test.spec.services
        )
    own = [Source(path=path, blob=_oid(text), text=text) for path, text in texts.items()]
    return tuple(sorted((*own, *policies), key=lambda source: source.path))


def inputs_of(
    test: PolicyTest,
    facts: CaseFacts,
    *,
    proposed: Proposed | None,
    judge: tuple[Source, ...],
    checks: Mapping[str, ExternalSpec],
) -> Inputs:
    """Return the sealed inputs of a case, without statements.

    `checks` gives what each external check asks for by its name.
    """
    entries = [_entry(changed) for changed in facts.diff]
    if proposed is not None:
        entries.append(
            DiffEntry(
                old_mode=ABSENT_MODE,
                new_mode="100644",
                old_id="0" * 40,
                new_id=proposed.source.blob,
                status="A",
                path=proposed.source.path,
            )
        )
    diff = tuple(sorted(entries, key=lambda entry: entry.path))
    content = _mark("\0".join(f"{one.status} {one.new_id} {one.path}" for one in diff))
    sealed = Facts(
        now=test.spec.now,
        target=TARGET,
        tip=_oid("tip"),
        merge_base=_oid("tip"),
        head=_oid(f"head {content}"),
        head_tree=_oid(f"tree {content}"),
        merged_tree=_oid(f"tree {content}"),
        content=content,
        diff=diff,
        commits=(_commit(facts, content),),
        draft=facts.draft,
        history=_history(facts),
        contents=tuple(map(_content, facts.diff)),
        external=tuple(
            _result(one, checks.get(one.name), head=_oid(f"head {content}"))
            for one in facts.external
        ),
    )
    return Inputs(facts=sealed, requests=(proposed.source,) if proposed else (), judge=judge)


def with_statements(
    inputs: Inputs,
    verdict: ChangeVerdict,
    *,
    test: PolicyTest,
    approvals: Sequence[CaseApproval],
    proposed: Proposed,
    repository: str,
) -> Inputs:
    """Return the inputs with what people signed about the change as it was judged without them."""
    facts = inputs.facts
    latest: dict[str, str] = {}
    statements = []
    for approval in approvals:
        previous = latest.get(approval.by)
        predicate = _predicate(
            approval,
            facts,
            verdict=verdict,
            proposed=proposed,
            repository=repository,
            roles=approval.roles or (PEER, *test.spec.people.get(approval.by, ())),
            previous=(previous,) if previous else (),
        )
        latest[approval.by] = mark = digest(predicate)
        statements.append(
            StatementFact(
                path=f"{proposed.id}/{mark}.stmt",
                digest=mark,
                status="good",
                fingerprint=fingerprint(public_key(approval.by)),
                approval=predicate,
                approved=ApprovedContent(
                    known=True,
                    content=facts.content,
                    request=proposed.mark,
                    request_text=proposed.source.text,
                    in_history=True,
                    replay_tree=facts.merged_tree,
                    untouched=True,
                ),
            )
        )
    return inputs.model_copy(
        update={"facts": facts.model_copy(update={"statements": tuple(statements)})}
    )


def public_key(person: str) -> str:
    """Return an Ed25519 public key line for a person's name.

    The point is a digest with its highest bit cleared, so it is in canonical form and, but for
    eight values in 2^255, of large order; whether it lies on the curve matters to nobody, for no
    signature is ever checked with it.
    """
    digits = bytearray(hashlib.sha256(f"policy test {person}".encode()).digest())
    digits[31] &= 0x7F
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-ed25519", digits))
    return f"ssh-ed25519 {base64.b64encode(blob).decode('ascii')}"


def _said(plain: object) -> object:
    """Return plain data without the keys that have no value, as people write it."""
    if isinstance(plain, dict):
        return {key: _said(item) for key, item in plain.items() if item is not None}
    return [_said(item) for item in plain] if isinstance(plain, list) else plain


def _plain_request(test: PolicyTest, facts: CaseFacts) -> JsonValue:
    touched = [
        service.name
        for service in test.spec.services
        if service.paths and any(map(compile_globs(service.paths), _paths(facts.diff)))
    ]
    services = touched or [service.name for service in test.spec.services] or ["none"]
    return {
        "apiVersion": "itil-gate/v1",
        "kind": "ChangeRequest",
        "metadata": {"id": CHANGE_ID, "title": "A change", "requester": facts.author},
        "spec": {
            "type": "normal",
            "services": [*services],
            "environments": ["production"],
            "scope": ["**"],
            "reason": "It is needed.",
        },
    }


def _paths(diff: Iterable[ChangedPath]) -> list[str]:
    return [changed.path for changed in diff]


def _people(test: PolicyTest, facts: CaseFacts) -> dict[str, object]:
    humans = [person for person in test.spec.people if person not in facts.agents]
    roles: dict[str, list[str]] = {}
    for person, held in test.spec.people.items():
        for role in held:
            roles.setdefault(role, []).append(person)
    persons: list[dict[str, object]] = [
        {"id": one, "name": one, "emails": [_email(one)], "keys": [public_key(one)]}
        for one in humans
    ]
    persons += [
        {
            "id": agent,
            "name": agent,
            "kind": "agent",
            "sponsor": facts.author,
            "emails": [_email(agent)],
        }
        for agent in facts.agents
    ]
    return {
        "apiVersion": "itil-gate/v1",
        "kind": "People",
        "persons": persons,
        "roles": [{"role": role, "members": people} for role, people in roles.items()],
    }


def _entity(service: CaseService) -> dict[str, object]:
    annotations = {f"{PREFIX}{key}": text for key, text in service.annotations.items()}
    if service.tier is not None:
        annotations[ANNOTATION_TIER] = str(service.tier)
    if service.paths:
        annotations[ANNOTATION_PATHS] = " ".join(service.paths)
    if service.data_class is not None:
        annotations[ANNOTATION_DATA_CLASS] = service.data_class
    spec: dict[str, object] = {"type": "service", "dependsOn": list(service.depends_on)}
    if service.lifecycle is not None:
        spec["lifecycle"] = service.lifecycle
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": service.name, "annotations": annotations},
        "spec": spec,
    }


def _entry(changed: ChangedPath) -> DiffEntry:
    return DiffEntry(
        old_mode=ABSENT_MODE if changed.status == "A" else changed.mode,
        new_mode=ABSENT_MODE if changed.status == "D" else changed.mode,
        old_id="0" * 40 if changed.status == "A" else _oid(f"old {changed.path}"),
        new_id="0" * 40 if changed.status == "D" else _oid(f"new {changed.path}"),
        status=changed.status,
        path=changed.path,
    )


def _content(changed: ChangedPath) -> ContentFact:
    counted = changed.content in ("text", "elsewhere")
    return ContentFact(
        path=changed.path,
        kind=changed.content,
        added=changed.lines if counted else None,
        deleted=0 if counted else None,
        longest=changed.longest if changed.content == "text" else 0,
    )


def _result(said: CaseResults, check: ExternalSpec | None, *, head: str) -> ExternalResult:
    """Return results as the tool's file would give them, in an envelope if somebody signed them.

    A signer that the check does not list signs with a key that nobody pins.
    """
    seal = None
    if said.signed_by is not None and check is not None:
        signers = check.signed.by if check.signed is not None else ()
        seal = SealFact(
            payload=_mark(f"payload {said.name}"),
            predicate_type=check.predicate_type,
            subjects=(f"gitCommit:{head}",),
            keys=tuple(fingerprint(one.key) for one in signers if one.id == said.signed_by),
        )
    return ExternalResult(
        name=said.name,
        digest=_mark(said.name),
        format=check.format if check is not None else "conftest",
        tests=said.tests,
        failures=tuple(Finding(rule=rule, message=f"{rule} failed") for rule in said.failures),
        seal=seal,
    )


def _commit(facts: CaseFacts, content: str) -> CommitFact:
    author = Identity(name=str(facts.author), email=_email(str(facts.author)))
    mark = fingerprint(public_key(str(facts.author)))
    return CommitFact(
        id=_oid(f"head {content}"),
        parents=(_oid("tip"),),
        author=author,
        committer=author,
        co_authors=tuple(Identity(name=agent, email=_email(agent)) for agent in facts.agents),
        signature=SignatureFact(kind="ssh", status="good", fingerprint=mark)
        if facts.signed
        else SignatureFact(),
    )


def _history(facts: CaseFacts) -> HistoryFacts | None:
    said = facts.history
    return HistoryFacts(**dict(said)) if said is not None else None


def _predicate(
    approval: CaseApproval,
    facts: Facts,
    *,
    verdict: ChangeVerdict,
    proposed: Proposed,
    repository: str,
    roles: tuple[str, ...],
    previous: tuple[str, ...],
) -> ApprovalPredicate:
    issued: datetime = facts.now - length(approval.age)
    return ApprovalPredicate(
        repository=repository,
        target=facts.target,
        change=proposed.id,
        verdict=approval.verdict,
        signer=approval.by,
        roles=roles,
        requester=proposed.requester,
        request=proposed.mark,
        request_path=proposed.source.path,
        scope=proposed.scope,
        content=facts.content,
        merge_base=facts.merge_base or facts.tip,
        head=facts.head,
        tree=facts.head_tree,
        risk=verdict.risk.level,
        requirements=tuple(_bound(state) for state in verdict.requirements),
        beyond=bound_appetites(verdict.beyond),
        issued_at=issued,
        # Longer than any policy: what ends an approval in a test is the policy's maxAge.
        expires_at=issued + length("9999d"),
        previous=previous,
    )


def _bound(state: RequirementState) -> BoundRequirement:
    return BoundRequirement(
        role=state.role,
        service=state.service,
        min=state.min,
        percent=state.percent,
        distinct=state.distinct,
    )


def _email(person: str) -> str:
    return f"{person}@example.com"


def _oid(text: str) -> str:
    return _mark(text)[:40]


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def compiled_alone(policies: Iterable[Source], config: Config) -> PolicySet:
    """Return policies compiled without the people and services that they will judge.

    For describing and looking at them. Raises ConfigError as `compile_policies` does.
    """
    return compile_policies(judge_alone(policies, config))


def judge_alone(policies: Iterable[Source], config: Config) -> tuple[Source, ...]:
    """Return policies with a configuration and a roster of nobody."""
    people = {
        "apiVersion": "itil-gate/v1",
        "kind": "People",
        "persons": [{"id": "nobody", "name": "nobody"}],
    }
    places = config.locations
    made = {CONFIG_PATH: _said(as_json(config)), places.people: people}
    texts = [
        Source(path=path, blob="", text=json.dumps(data, ensure_ascii=False))
        for path, data in made.items()
    ]
    return (*texts, *policies)
