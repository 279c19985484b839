"""Sealed inputs as values: one real merge, and as many variations of its facts as a law may want.

The texts of the judge, the request, the commits and a signed statement by each of five people come
from a real repository. Everything else is edited into them, as only whoever seals inputs could.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st

from itil_gate.git.diff import content_digest
from itil_gate.model.canonical import digest
from itil_gate.model.decision import SEVERITY
from itil_gate.model.facts import (
    AccountRef,
    ApprovedContent,
    CommitFact,
    ExternalResult,
    Facts,
    Identity,
    Inputs,
    SignatureFact,
    StatementFact,
)
from itil_gate.model.finding import Finding
from itil_gate.model.policy import Source
from itil_gate.model.statement import BoundRequirement
from support.pulls import pull_request
from support.rules import HEAD, rule, rule_set, waiver
from support.world import APPROVALS, NOW, ROLES, World, people_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

    from itil_gate.model.decision import Decision, Outcome
    from itil_gate.model.facts import PullRequest
    from itil_gate.model.statement import Verdict

PEOPLE = ("alice", "bob", "carol", "dave", "erin")
NUMBERS = {name: number for number, name in enumerate(PEOPLE, 1001)}
REPOSITORY = "example.com/acme/payments"
PATHS = ("src/app.py", "deploy/app.yaml", "db/schema.sql", "docs/index.md")
EMAILS = (*(f"{name}@example.com" for name in PEOPLE), "helper@example.com", "robo@example.com")
STRANGER = "mallory@evil.example"
CLAIMS = ("peer", "service-owner", "change-authority")
BOUND = tuple(
    BoundRequirement(role=role, service=service, **quorum)
    for role in CLAIMS
    for service in (None, "payments-api")
    for quorum in ({"min": 100}, {"min": 100}, {"percent": 100})
)
"""As strict as any requirement in the policies below, so that only what a law edits is stale."""
SCAN = HEAD.replace("NAME", "scan") + (
    "kind: ExternalCheck\nspec: {format: sarif, reason: Nobody reads all of it.}\n"
)
RULES = rule_set(
    rule("change.spec.significant", name="soft-one", enforcement="soft"),
    rule("diff.files < 4", name="hard-one", enforcement="hard"),
    rule("has(change.spec.risk)", name="advice", enforcement="advisory"),
)
ANY = "levels: [low, medium, high, critical]"
UP = "levels: [medium, high, critical]"
REQUIREMENTS = {
    "quorum": (
        "{id: review, levels: [low], role: peer, min: 1}",
        f"{{id: owners, {UP}, role: service-owner, percent: 51}}",
        f"{{id: any, {UP}, role: change-authority, min: 2, distinct: false}}",
    ),
    "lent": (
        f"{{id: one, {ANY}, role: change-authority, min: 1}}",
        f"{{id: owner, {UP}, role: service-owner, min: 1}}",
    ),
    "fallback": (f"{{id: owner, {ANY}, role: service-owner, fallback: change-authority}}",),
}
LENT = """\
delegations:
  - {delegator: carol, delegate: erin, role: change-authority,
     start: 2026-01-01T00:00:00Z, end: 2027-01-01T00:00:00Z}
  - {delegator: dave, delegate: erin, role: change-authority,
     start: 2026-01-01T00:00:00Z, end: 2027-01-01T00:00:00Z}
"""


def trials(number: int) -> settings:
    """Return settings for so many examples, and in proportion for another profile.

    The ordinary tests try a fifth; CI tries all, with the profile `full`, beside what is heavy.
    """
    ordinary = settings.get_current_profile_name() == "house"
    share = 20 if ordinary else settings().max_examples
    return settings(max_examples=max(1, number * share // 100))


def rank(outcome: Outcome) -> int:
    """Return how bad an outcome is."""
    return SEVERITY.index(outcome)


@dataclass(frozen=True)
class Scenes:
    """The sealed original, and policies to judge it by."""

    sealed: Inputs
    judges: dict[str, tuple[Source, ...]]

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - Hypothesis asks
        """Write little when a law fails; Hypothesis warns of what is long, which is an error."""
        printer.text("SCENES")

    def judge(self, name: str) -> tuple[Source, ...]:
        """Return the judge's texts of a name."""
        return self.judges[name]

    def statement(
        self, facts: Facts, who: str, verdict: Verdict = "approve", **edits: Any
    ) -> StatementFact:
        """Return a statement about what the facts propose now, as its signer would make it."""
        original = next(
            one
            for one in self.sealed.facts.statements
            if one.approval and one.approval.signer == who
        )
        assert original.approval is not None
        request = edits.pop("request", None) or self.request_digest
        said = original.approval.model_copy(
            update={
                "verdict": verdict,
                "roles": CLAIMS,
                "request": request,
                "content": facts.content,
                "merge_base": facts.merge_base,
                "head": facts.head,
                "risk": "critical",
                "requirements": BOUND,
                "reason": "So be it.",
                **edits,
            }
        )
        mark = digest(said)
        return original.model_copy(
            update={
                "path": f"{said.change}/{mark}.stmt",
                "digest": mark,
                "approval": said,
                "approved": ApprovedContent(
                    known=True,
                    content=said.content,
                    request=said.request,
                    in_history=True,
                    replay_tree=facts.merged_tree,
                    untouched=True,
                ),
            }
        )

    @property
    def request_digest(self) -> str:
        """SHA-256 of the sealed request."""
        return hashlib.sha256(self.sealed.requests[0].text.encode()).hexdigest()

    def vouch(self, who: str, commit: str) -> StatementFact:
        """Return somebody's word for a commit."""
        (original,) = (one for one in self.sealed.facts.statements if one.vouch)
        (key,) = {
            one.fingerprint
            for one in self.sealed.facts.statements
            if one.approval and one.approval.signer == who
        }
        assert original.vouch is not None
        said = original.vouch.model_copy(update={"signer": who, "commit": commit})
        mark = digest(said)
        return original.model_copy(
            update={
                "path": f"vouch/{mark}.stmt",
                "digest": mark,
                "fingerprint": key,
                "vouch": said,
            }
        )


def seal(world: World) -> Scenes:
    """Play one merge in a real repository and keep everything about it."""
    keyring = world.keyring
    head = world.propose(dict.fromkeys(PATHS, "new\n"))
    for name in PEOPLE:
        world.approve(name)
    world.vouch("alice", head)
    sealed = world.inputs()
    given = [one.approval.signer for one in sealed.facts.statements if one.approval]
    assert sorted(given) == sorted(PEOPLE)

    def judge(**texts: str) -> tuple[Source, ...]:
        known = {source.path: source for source in sealed.judge}
        for key, text in texts.items():
            path = key.replace("__", "/") + ".yaml"
            known[path] = stored(path, text)
        return tuple(known[path] for path in sorted(known))

    def approvals(name: str) -> str:
        head, _, _ = APPROVALS.partition("    - {")
        return head + "".join(f"    - {one}\n" for one in REQUIREMENTS[name])

    ruled = {"policies__rules": RULES, "policies__scan": SCAN}
    return Scenes(
        sealed,
        {
            "plain": judge(),
            "ruled": judge(**ruled),
            "waived": judge(**ruled, policies__once=waiver(of="soft-one")),
            "quorum": judge(policies__approvals=approvals("quorum")),
            "lent": judge(policies__approvals=approvals("lent"), people=lent(world)),
            "fallback": judge(
                policies__approvals=approvals("fallback"),
                people=people_file(keyring, roles={**ROLES, "service-owner": ("bob",)}),
            ),
        },
    )


def lent(world: World) -> str:
    """Return people.yaml in which erin stands in for carol and dave."""
    return people_file(world.keyring, roles={**ROLES, "service-owner": ("bob", "erin")}, extra=LENT)


_GROUPS = [
    group for size in range(len(PEOPLE) + 1) for group in itertools.combinations(PEOPLE, size)
]


# Strategies ---------------------------------------------------------------------------------------


def commits(facts: Facts) -> SearchStrategy[tuple[CommitFact, ...]]:
    """Commits by anybody: named, signed or not."""
    (original, *_) = facts.commits
    identity = st.sampled_from([*EMAILS, STRANGER]).map(
        lambda mail: Identity(name="Who", email=mail)
    )
    likely = st.one_of(st.just(original.author), st.just(original.author), identity)
    keys = [one.fingerprint for one in facts.statements if one.approval]
    others = [SignatureFact(kind="ssh", status="good", fingerprint=key) for key in keys[:2]]
    signatures = st.sampled_from([original.signature] * 2 + [SignatureFact(), *others])
    return st.lists(
        st.builds(
            lambda author, committer, others, signature, merge: original.model_copy(
                update={
                    "author": author,
                    "committer": committer,
                    "co_authors": tuple(others),
                    "signature": signature,
                    "update_merge": merge,
                }
            ),
            likely,
            likely,
            st.lists(identity, max_size=1),
            signatures,
            st.sampled_from([False] * 5 + [True]),
        ),
        min_size=1,
        max_size=2,
    ).map(
        lambda made: tuple(
            one.model_copy(update={"id": f"{number:x}" * 40}) for number, one in enumerate(made, 1)
        )
    )


@st.composite
def chains(draw: st.DrawFn, scenes: Scenes, facts: Facts, who: str) -> tuple[StatementFact, ...]:
    """What one person said: one after the other, side by side, or with something missing."""
    verdicts: list[Verdict] = ["approve"] * 12 + ["reject", "withdraw", "withdraw-change"]
    made: list[StatementFact] = []
    for _ in range(draw(st.sampled_from([1] * 6 + [2, 3]))):
        before = [one.digest for one in made]
        previous = draw(st.sampled_from([before[-1:]] * 6 + [before[:1], [], ["0" * 64]]))
        made.append(
            scenes.statement(
                facts,
                who,
                draw(st.sampled_from(verdicts)),
                previous=tuple(previous),
                roles=draw(st.sampled_from([CLAIMS] * 4 + [CLAIMS[:2], CLAIMS[:1]])),
                risk=draw(st.sampled_from(["critical"] * 6 + ["low"])),
                issued_at=NOW - timedelta(minutes=60 - len(made)),
            )
        )
    lost = draw(st.sampled_from([None] * 9 + [0]))
    return tuple(one for index, one in enumerate(made) if index != lost)


@st.composite
def results(draw: st.DrawFn) -> tuple[ExternalResult, ...]:
    """Results of the declared check and of others, each at most once."""
    names = draw(st.sampled_from([("scan",)] * 4 + [(), ("other", "scan"), ("lint",)]))
    failure = Finding(rule="CVE", message="It is unsafe.")
    return tuple(
        ExternalResult(
            name=name,
            digest="e" * 64,
            format=draw(st.sampled_from(["sarif"] * 5 + ["conftest", None])),
            tests=draw(st.sampled_from([3] * 5 + [0])),
            failures=draw(st.sampled_from([()] * 4 + [(failure,), (failure, failure)])),
        )
        for name in names
    )


def pull_requests() -> SearchStrategy[PullRequest | None]:
    """What a forge may say, mostly nothing."""
    accounts = st.sampled_from([*NUMBERS.items(), ("mallory", 7)]).map(
        lambda who: AccountRef(forge="github.com", id=who[1], login=who[0])
    )
    asked = st.builds(
        lambda opener, pushers, draft: pull_request(opener, *pushers, draft=draft),
        accounts,
        st.lists(accounts, max_size=2),
        st.sampled_from([False, False, True]),
    )
    return st.one_of(st.none(), st.none(), asked)


@st.composite
def inputs(
    draw: st.DrawFn, scenes: Scenes, *, judges: Sequence[str] | None = None, calm: bool = False
) -> Inputs:
    """Inputs of a merge of anything by anybody; `calm` leaves out what denies before approvals."""
    sealed = scenes.sealed
    name = draw(st.sampled_from(judges or sorted(scenes.judges)))
    chosen = draw(st.sets(st.sampled_from(PATHS), min_size=1))
    (asked,) = sealed.requests
    extra = draw(st.sampled_from(["", "  significant: true\n", "  risk: medium\n"]))
    asked = stored(asked.path, asked.text + extra)
    diff = tuple(
        one if one.path in chosen else one.model_copy(update={"new_id": asked.blob})
        for one in sealed.facts.diff
        if one.path in chosen or one.path == asked.path
    )
    facts = sealed.facts.model_copy(
        update={
            "diff": diff,
            "content": content_digest(diff),
            "commits": sealed.facts.commits if calm else draw(commits(sealed.facts)),
            "pull_request": None if calm else draw(pull_requests()),
            "draft": False if calm else draw(st.sampled_from([False] * 6 + [True])),
            "external": draw(results()),
        }
    )
    signers = draw(st.sampled_from([list(group) for group in _GROUPS]))
    at = replace_request(scenes, asked)
    said = [one for who in signers for one in draw(chains(at, facts, who))]
    made = st.builds(
        scenes.vouch, st.sampled_from(PEOPLE), st.sampled_from([one.id for one in facts.commits])
    )
    said += draw(st.lists(made, max_size=2, unique_by=lambda one: one.digest))
    return Inputs(
        facts=facts.model_copy(update={"statements": tuple(said)}),
        requests=(asked,),
        judge=scenes.judge(name),
    )


def replace_request(scenes: Scenes, asked: Source) -> Scenes:
    """Return the scenes as if this request had been the sealed one."""
    return replace(scenes, sealed=scenes.sealed.model_copy(update={"requests": (asked,)}))


def stored(path: str, text: str) -> Source:
    """Return a text with the id that git gives its blob."""
    data = text.encode()
    mark = hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False)
    return Source(path=path, blob=mark.hexdigest(), text=text)


def edited(inputs: Inputs, **facts: object) -> Inputs:
    """Return inputs with some facts replaced."""
    return inputs.model_copy(update={"facts": inputs.facts.model_copy(update=facts)})


def without_digests(decision: Decision) -> Decision:
    """Return a decision without the digests of what it was made from."""
    blank = decision.digests.model_copy(update={"facts": "0" * 64, "requests": "0" * 64})
    return decision.model_copy(
        update={"digests": blank.model_copy(update={"judge": "0" * 64, "proposed": None})}
    )
