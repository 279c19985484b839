"""Evidence that is edited, injected or damaged where it lies, and signatures of nobody's key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.world import CHG, OTHER, entry, only, request_file

from itil_gate.git.discover import discover
from itil_gate.git.refs import append_file
from itil_gate.model.statement import APPROVALS_BRANCH

if TYPE_CHECKING:
    from support.world import World


def put(world: World, path: str, data: bytes) -> None:
    """Put a file on the approvals branch, as whoever may write there can."""
    append_file(
        discover(world.repo.path),
        APPROVALS_BRANCH,
        path=path,
        data=data,
        message="a statement",
        identity=("Who", "who@example.com"),
        when=world.now,
    )


@case("183")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"issuedAt":"2026', b'"issuedAt":"2027'),
        (b'"signer":"erin"', b'"signer":"dave"'),
        (b'"risk":"low"', b'"risk":"high"'),
    ],
)
def test_what_a_signature_covers_cannot_be_edited(world: World, old: bytes, new: bytes) -> None:
    world.propose()
    filed = world.state("approve", "erin")
    assert old in filed.data
    edited = filed.data.replace(old, new)
    name = hashlib.sha256(edited.partition(b"\n")[0]).hexdigest()
    put(world, f"{CHG}/{name}.stmt", edited)
    decision = world.check()
    assert decision.outcome == "pending"
    assert [one.code for one in only(decision).ledger] == ["bad-signature"]


@case("184b")
@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"not json\n", b'{"a": 1}\n'])
def test_a_damaged_statement_is_listed_for_its_change_and_harms_no_other(
    world: World, data: bytes
) -> None:
    world.propose({f"changes/2026/{OTHER}.yaml": request_file(OTHER), "src/app.py": "1\n"})
    put(world, f"{CHG}/damaged.stmt", data)
    world.approve("erin", change=OTHER)
    decision = world.check()
    ledgers = {one.id: [entry.code for entry in one.ledger] for one in decision.changes}
    assert ledgers == {CHG: ["malformed"], OTHER: ["approved"]}
    world.approve("erin")
    assert world.check().outcome == "allow"


@case("185")
def test_a_line_added_to_a_signed_statement_says_nothing(world: World) -> None:
    world.propose()
    filed = world.state("approve", "erin")
    lines = filed.data.splitlines(keepends=True)
    injected = lines[0].replace(b'"signer":"erin"', b'"signer":"dave"')
    put(world, f"{CHG}/injected.stmt", b"".join([injected, *lines]))
    decision = world.check()
    assert decision.outcome == "pending"
    assert not any(one.counted for one in only(decision).ledger)
    world.file(world.state("approve", "erin"))
    assert entry(world.check(), "erin", counted=True).code == "approved"
