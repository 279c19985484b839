"""Attacks by whoever holds a key of the log: which check sees each, and what none can see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.attacks import Victim, entry_event, harmless
from support.log import CHECKPOINT, RECORDER, STRANGER, WITNESS, signer

from itil_gate.log.checkpoint import cosign_checkpoint, open_checkpoint, sign_checkpoint
from itil_gate.log.entry import entry_path
from itil_gate.log.verify import terms_of
from itil_gate.model.config import LogKey, LogSettings, Witness
from itil_gate.model.record import AUDIT_BRANCH, Correction, KeyRevocation, KeyRotation
from itil_gate.signing.ed25519 import public_line

if TYPE_CHECKING:
    from itil_gate.log.append import Event
    from itil_gate.log.verify import Terms
    from itil_gate.signing.ed25519 import Signer

SIZE = 13
SECOND = signer(21)


def terms(victim: Victim, *keys: tuple[str, Signer, int, int | None], **more: Any) -> Terms:
    """Return the terms of a configuration with other keys pinned."""
    pinned = [
        LogKey.model_validate(
            {"use": use, "key": public_line(key.public), "since": since, "until": until}
        )
        for use, key, since, until in keys
        or (("checkpoint", CHECKPOINT, 0, None), ("recorder", RECORDER, 0, None))
    ]
    settings = LogSettings(keys=tuple(pinned), **more)
    return terms_of(settings, victim.config.repository)


def two(victim: Victim) -> Terms:
    """Return terms with a second recorder."""
    return terms(
        victim,
        ("checkpoint", CHECKPOINT, 0, None),
        ("recorder", RECORDER, 0, None),
        ("recorder", SECOND, 0, None),
    )


def revocation(victim: Victim, key: Signer, since: int) -> Event:
    said = KeyRevocation(
        repository=victim.config.repository, key=key.fingerprint, since=since, reason="Stolen."
    )
    return entry_event("key-revocation", key.fingerprint, said)


# --- what only a remembered checkpoint sees -----------------------------------------------------


def rewrite(victim: Victim) -> None:
    """Begin the log anew with other entries; the attacker holds both keys."""
    repo = victim.world.repo
    first = repo.git("rev-list", "--max-parents=0", AUDIT_BRANCH)
    victim.move(first)
    for number in range(SIZE + 3):
        victim.append([harmless(number)])


def truncate(victim: Victim) -> None:
    """Move the branch back to where it was before the last release."""
    victim.move(f"{victim.tip}~3")


def regrow(victim: Victim) -> None:
    """Move the branch back and go on otherwise, to the same size as before."""
    truncate(victim)
    while victim.checkpoint.size < SIZE:
        victim.append([harmless(victim.checkpoint.size)])


def amnesia(victim: Victim) -> None:
    """Let a signer that lost its memory sign on from an older state, past what there was."""
    truncate(victim)
    for number in range(6):
        victim.append([harmless(number)])


@pytest.mark.parametrize("attack", [rewrite, truncate, regrow, amnesia])
def test_whoever_holds_the_keys_is_seen_only_by_who_remembers(victim: Victim, attack: Any) -> None:
    remembered = victim.checkpoint
    attack(victim)
    fresh = victim.verify(full=True)
    assert not fresh.tampered  # this is what a log cannot do by itself, and it says so
    assert "who" in fresh.verdict("remembered").detail
    assert victim.bad(since=remembered) == {"remembered"}
    (fault,) = victim.verify(since=remembered).verdict("remembered").faults
    assert str(SIZE) in fault.message


@pytest.mark.parametrize("attack", [rewrite, truncate, regrow, amnesia])
def test_a_clone_that_verified_before_remembers(victim: Victim, attack: Any) -> None:
    assert not victim.verify().tampered
    attack(victim)
    assert victim.bad(again=True) == {"remembered", "commits"}
    assert victim.bad(again=True, full=True) == {"remembered", "commits"}


def test_a_fork_is_seen_by_who_holds_the_other_side(victim: Victim) -> None:
    start = victim.tip
    victim.append([harmless(1)])
    one = victim.checkpoint
    victim.move(start)
    victim.append([harmless(2)])
    two = victim.checkpoint
    assert (one.size, one.origin) == (two.size, two.origin)
    assert victim.bad(since=two) == set()
    assert victim.bad(since=one) == {"remembered"}


def test_copies_that_do_not_follow_one_another_are_seen(victim: Victim) -> None:
    start = victim.tip
    victim.append([harmless(1)])
    victim.world.repo.git("update-ref", "refs/remotes/origin/audit-log", victim.tip)
    victim.move(start)
    victim.append([harmless(2)])
    assert victim.bad() == {"commits"}


def test_what_extends_the_remembered_checkpoint_is_well(victim: Victim) -> None:
    remembered = victim.checkpoint
    victim.append([harmless()])
    found = victim.verify(since=remembered)
    assert not found.tampered
    assert found.since == remembered
    assert (found.verdict("entries").looked, found.verdict("commits").looked) == (1, 1)
    assert found.verdict("tree").looked == SIZE + 1


def test_only_what_is_new_is_verified_again(victim: Victim) -> None:
    assert victim.verify().verdict("entries").looked == SIZE
    victim.append([harmless()])
    found = victim.verify(again=True)
    assert not found.tampered
    assert (found.verdict("entries").looked, found.verdict("commits").looked) == (1, 1)
    assert victim.verify(again=True, full=True).verdict("entries").looked == SIZE + 1


# --- a stolen recorder's key --------------------------------------------------------------------


def test_a_stolen_recorder_is_believed_until_it_is_revoked_by_position(victim: Victim) -> None:
    both = two(victim)
    (stolen,) = victim.append([harmless(1)])
    assert not victim.verify(terms=both, full=True).tampered
    victim.append([revocation(victim, RECORDER, stolen)], recorder=SECOND)
    found = victim.verify(terms=both, full=True)
    assert {one.check for one in found.verdicts if one.state == "bad"} == {"signatures"}
    assert found.verdict("signatures").since == stolen
    assert "not good at this position" in found.verdict("signatures").faults[0].message


def test_what_a_stolen_key_signed_after_its_revocation_is_seen(victim: Victim) -> None:
    both = two(victim)
    (at,) = victim.append([revocation(victim, RECORDER, SIZE)], recorder=SECOND)
    assert not victim.verify(terms=both).tampered
    (late,) = victim.append([harmless(1)])
    found = victim.verify(terms=both)
    assert (at, found.verdict("signatures").since) == (SIZE, late)
    assert victim.bad(terms=both) == {"signatures"}


def test_an_incremental_run_knows_what_was_revoked_before(victim: Victim) -> None:
    both = two(victim)
    victim.append([revocation(victim, RECORDER, SIZE)], recorder=SECOND)
    assert not victim.verify(terms=both).tampered
    since = victim.checkpoint
    victim.append([harmless(1)])
    assert victim.bad(terms=both, again=True) == {"signatures"}
    assert victim.bad(terms=both, since=since) == {"signatures"}


def test_an_entry_of_a_revoked_key_can_be_corrected(victim: Victim) -> None:
    both = two(victim)
    (stolen,) = victim.append([harmless(1)])
    victim.append([revocation(victim, RECORDER, stolen)], recorder=SECOND)
    said = Correction(
        repository=victim.config.repository, corrects=stolen, reason="Not ours.", by="carol"
    )
    victim.append([entry_event("correction", "1", said)], recorder=SECOND)
    found = victim.verify(terms=both)
    assert not found.tampered
    assert "corrected" in found.verdict("signatures").detail


def test_a_stranger_s_entry_cannot_be_corrected(victim: Victim) -> None:
    (forged,) = victim.append([harmless(1)], recorder=STRANGER)
    said = Correction(
        repository=victim.config.repository, corrects=forged, reason="Fine.", by="carol"
    )
    victim.append([entry_event("correction", "1", said)])
    assert victim.bad() == {"signatures"}


def test_a_key_never_revokes_itself(victim: Victim) -> None:
    victim.append([revocation(victim, RECORDER, 0)])
    assert victim.bad() == {"meaning"}


def test_a_stolen_key_does_not_revoke_its_way_out(victim: Victim) -> None:
    both = two(victim)
    (stolen,) = victim.append([revocation(victim, SECOND, 0)])
    victim.append([revocation(victim, RECORDER, stolen)], recorder=SECOND)
    found = victim.verify(terms=both)
    assert found.verdict("signatures").since == stolen
    assert found.verdict("signatures").bad == 1


def test_a_recorder_is_not_good_before_it_was_pinned(victim: Victim) -> None:
    late = terms(
        victim,
        ("checkpoint", CHECKPOINT, 0, None),
        ("recorder", RECORDER, 5, None),
    )
    found = victim.verify(terms=late)
    assert (found.verdict("signatures").since, found.verdict("signatures").bad) == (0, 5)


def test_a_rotation_hands_over_to_a_pinned_key_only(victim: Victim) -> None:
    def said(new: Signer) -> KeyRotation:
        return KeyRotation(
            repository=victim.config.repository,
            use="recorder",
            old=RECORDER.fingerprint,
            new=new.fingerprint,
            since=SIZE + 1,
            reason="Yearly.",
        )

    victim.append(
        [
            entry_event(
                "key-rotation", ("recorder", RECORDER.fingerprint, SECOND.fingerprint), said(SECOND)
            )
        ]
    )
    after = terms(
        victim,
        ("checkpoint", CHECKPOINT, 0, None),
        ("recorder", RECORDER, 0, SIZE + 1),
        ("recorder", SECOND, SIZE + 1, None),
    )
    victim.append([harmless(1)], recorder=SECOND)
    assert not victim.verify(terms=after).tampered
    assert victim.bad() == {"signatures", "meaning"}
    victim.append([harmless(2)])
    assert victim.bad(terms=after) == {"signatures"}


# --- a stolen checkpoint key --------------------------------------------------------------------


def test_a_checkpoint_key_signs_no_entries(victim: Victim) -> None:
    victim.append([harmless(1)], recorder=CHECKPOINT)
    assert victim.bad() == {"signatures"}


def test_an_entry_that_nobody_signed_well_is_seen(victim: Victim) -> None:
    victim.append_raw("correction", b'{"not": "an envelope"}')
    found = victim.verify()
    assert "no signed entry" in found.verdict("signatures").faults[0].message
    assert victim.bad() == {"signatures"}


def test_a_checkpoint_key_is_not_good_past_its_end(victim: Victim) -> None:
    ended = terms(victim, ("checkpoint", CHECKPOINT, 0, SIZE), ("recorder", RECORDER, 0, None))
    assert not victim.verify(terms=ended).tampered
    victim.append([harmless(1)])
    assert victim.bad(terms=ended) == {"checkpoint", "commits"}


def test_a_revoked_checkpoint_key_is_not_good_from_there_on(victim: Victim) -> None:
    victim.append([revocation(victim, CHECKPOINT, SIZE + 1)])
    assert not victim.verify().tampered
    victim.append([harmless(1)])
    assert victim.bad() == {"checkpoint", "commits"}


def test_another_key_signs_no_checkpoint(victim: Victim) -> None:
    victim.commit({"checkpoint": sign_checkpoint(victim.checkpoint, STRANGER)})
    found = victim.verify()
    assert {one.check for one in found.verdicts if one.state == "bad"} == {"checkpoint"}
    assert found.verdict("entries").state == "not checked"


def test_a_checkpoint_of_another_log_is_refused(victim: Victim) -> None:
    other = terms_of(victim.config.log or LogSettings(keys=()), "forge.example/org/other")
    assert victim.bad(terms=other) == {"checkpoint"}


# --- witnesses ----------------------------------------------------------------------------------


def cosigned(victim: Victim, note: bytes, key: Signer = WITNESS) -> bytes:
    now = int(victim.world.now.timestamp())
    return cosign_checkpoint(note, key, name="example.com/auditor", time=now)


def watched(victim: Victim, count: int = 1) -> Terms:
    line = public_line(WITNESS.public)
    witness = Witness(name="example.com/auditor", key=line)
    return terms(victim, witnesses=(witness,), cosignatures=count)


def test_a_cosignature_is_committed_by_the_witness(victim: Victim) -> None:
    note = cosigned(victim, victim.note)
    victim.commit({"checkpoint": note}, signer=WITNESS, message=f"Cosign 13\n\nLog-Size: {SIZE}\n")
    found = victim.verify(terms=watched(victim))
    assert not found.tampered
    assert found.verdict("witnesses").looked == 1
    assert victim.bad() == {"commits"}  # where the witness is not pinned


def test_a_log_with_too_few_witnesses_is_not_believed(victim: Victim) -> None:
    assert victim.bad(terms=watched(victim)) == {"witnesses"}


def test_a_cosignature_of_another_checkpoint_is_refused(victim: Victim) -> None:
    old = cosigned(victim, victim.note).decode().splitlines()[-1]
    victim.append([harmless(1)])
    victim.commit({"checkpoint": victim.note + f"{old}\n".encode()})
    assert victim.bad(terms=watched(victim)) == {"witnesses"}


def test_a_witness_commits_nothing_but_its_signature(victim: Victim) -> None:
    note = cosigned(victim, victim.note)
    victim.commit({"checkpoint": note, entry_path(3): b"x"}, signer=WITNESS)
    assert "commits" in victim.bad(terms=watched(victim))


def test_a_witness_does_not_sign_in_the_future(victim: Victim) -> None:
    later = int(victim.world.now.timestamp()) + 3600
    note = cosign_checkpoint(victim.note, WITNESS, name="example.com/auditor", time=later)
    victim.commit({"checkpoint": note}, signer=WITNESS)
    assert victim.bad(terms=watched(victim)) == {"witnesses"}
    assert open_checkpoint(note, watched(victim).keys, origin=victim.terms.origin)


# --- commits ------------------------------------------------------------------------------------


def test_a_commit_that_nobody_signed_is_seen(victim: Victim) -> None:
    repo = victim.world.repo
    raw = repo.git("cat-file", "commit", AUDIT_BRANCH)
    head, _, message = raw.partition("\n\n")
    kept = [line for line in head.split("\n") if not line.startswith(("gpgsig", " "))]
    victim.move(repo.raw_object("commit", f"{chr(10).join(kept)}\n\n{message}\n".encode()))
    assert victim.bad() == {"commits"}
    assert "not signed" in victim.verify().verdict("commits").faults[0].message


def test_a_commit_by_another_key_is_seen(victim: Victim) -> None:
    victim.append([harmless(1)], extra=lambda _: None)
    tip = victim.tip
    victim.move(f"{tip}~1")
    tree = victim.world.repo.tree(tip)
    files = {
        path: victim.world.repo.raw("cat-file", "blob", f"{tip}:{path}")
        for path in victim.world.repo.git("ls-tree", "-r", "--name-only", tip).splitlines()
    }
    victim.commit(dict(files), signer=STRANGER)
    assert victim.world.repo.tree(AUDIT_BRANCH) == tree
    assert victim.bad() == {"commits"}


def test_a_merge_into_the_branch_is_seen(victim: Victim) -> None:
    repo = victim.world.repo
    merge = repo.commit_tree(repo.tree(AUDIT_BRANCH), victim.tip, repo.tip("main"))
    victim.move(merge)
    found = victim.verify().verdict("commits")
    assert any("merge" in fault.message for fault in found.faults)
    assert victim.bad() == {"commits"}


@pytest.mark.parametrize("message", ["Append 1", "x\n\nLog-Size: 13\nLog-Root: AAAA\n"])
def test_trailers_have_to_say_what_the_checkpoint_says(victim: Victim, message: str) -> None:
    victim.append([harmless(1)])
    tip = victim.tip
    files = {
        path: victim.world.repo.raw("cat-file", "blob", f"{tip}:{path}")
        for path in victim.world.repo.git("ls-tree", "-r", "--name-only", tip).splitlines()
    }
    victim.move(f"{tip}~1")
    victim.commit(dict(files), message=message)
    assert victim.bad() == {"commits"}


def test_an_intermediate_state_of_another_tree_is_seen(victim: Victim) -> None:
    """Publish a forged state and put the true one back over it: only history tells."""
    tip, tree = victim.tip, victim.world.repo.tree(AUDIT_BRANCH)
    files = {
        path: victim.world.repo.raw("cat-file", "blob", f"{tip}:{path}")
        for path in victim.world.repo.git("ls-tree", "-r", "--name-only", tip).splitlines()
    }
    victim.move(f"{tip}~1")
    victim.append([harmless(1)])
    there = victim.world.repo.git("ls-tree", "-r", "--name-only", AUDIT_BRANCH).splitlines()
    gone: dict[str, bytes | None] = dict.fromkeys(set(there) - files.keys())
    victim.commit({**gone, **files})
    assert victim.world.repo.tree(AUDIT_BRANCH) == tree
    assert victim.bad() == {"commits"}
    faults = victim.verify().verdict("commits").faults
    assert any("rewritten or forked" in fault.message for fault in faults)
