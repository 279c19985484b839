"""`itil-gate log rotate | revoke | expunge`: keys change hands and entries go, on a real remote."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.audit_branch import file_at, make_hub
from support.log import ORIGIN, REPOSITORY
from support.repository import Person, Repo, make_person
from support.shell import Ran, run_gate

from itil_gate.cli.log_reading import target_config
from itil_gate.git.discover import discover
from itil_gate.log.checkpoint import log_key, open_checkpoint
from itil_gate.log.entry import entry_path
from itil_gate.model.errors import GateError, LogError
from itil_gate.model.record import AUDIT_BRANCH, Obligation, ObligationMet
from itil_gate.release.entries import plain_event
from itil_gate.release.keys import KeySource, open_keys
from itil_gate.release.recorder import record
from itil_gate.signing import dsse
from itil_gate.signing.ed25519 import public_of

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.log.append import Event
    from itil_gate.release.recorder import Recorded

pytestmark = pytest.mark.heavy

QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
CONFIG = f"""\
apiVersion: itil-gate/v1
kind: Config
repository: {REPOSITORY}
"""


def duty(number: int) -> Event:
    """Give an entry that a verification takes for well-formed, and that refers to the first."""
    said = Obligation(
        repository=REPOSITORY,
        id=f"review-{number}",
        duty="review",
        change="CHG-2026-AAAA0001",
        because="A test needs an entry.",
        source=0,
        owner="alice",
        due=datetime(2027, 1, 1, tzinfo=UTC),
        opened_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return plain_event("obligation", said.id, said, subject={"sha256": f"{number:064x}"})


def met(number: int, *, index: int) -> Event:
    """Give the entry that says that this duty, which entry `index` tells of, was met."""
    said = ObligationMet(
        repository=REPOSITORY,
        id=f"review-{number}",
        obligation=index,
        by="alice",
        evidence="docs/review.md",
        met_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    return plain_event("obligation-met", said.id, said, subject={"sha256": f"{number:064x}"})


PEOPLE = """\
apiVersion: itil-gate/v1
kind: People
persons:
  - {id: carol, name: Carol Danvers, emails: [carol@example.com]}
  - {id: carl, name: Carl Sagan, emails: [carl@example.com]}
  - {id: robot, name: A robot, kind: bot, emails: [robot@example.com]}
"""


@dataclass
class Keys:
    """A hub with a log, a clone of it, and four key files: two that are pinned and two not."""

    hub: Repo
    clone: Repo
    head: Person
    recorder: Person
    head2: Person
    recorder2: Person

    def gate(self, *words: str | Path, **env: str) -> Ran:
        ran = run_gate("log", *words, cwd=self.clone.path, env=QUIET | env)
        assert "Traceback" not in ran.err
        return ran

    def signed_by(self, head: Person, *recorders: Person) -> list[str]:
        rows = [("--recorder-key", str(one.key)) for one in recorders]
        return ["--log-key", str(head.key), *(word for row in rows for word in row)]

    def merge(self) -> None:
        """Commit itil-gate.yaml as it is in the work tree to main, as a merge would."""
        self.clone.git("commit", "--quiet", "-am", "Pin")
        self.clone.git("push", "--quiet", "origin", "HEAD:main")

    def put(self, number: int | Event, head: Person, *recorders: Person) -> Recorded:
        """Record something as a job would, by the configuration on the remote's main."""
        place = discover(self.clone.path)
        self.clone.git("fetch", "--quiet", "origin")
        _, _, config = target_config(place, base=None)
        assert config.log is not None
        first, *others = recorders
        return record(
            place,
            [duty(number) if isinstance(number, int) else number],
            keys=open_keys(
                KeySource(str(head.key)),
                KeySource(str(first.key)),
                more_recorders=[str(one.key) for one in others],
            ),
            settings=config.log,
            name=REPOSITORY,
            remote="origin",
            now=datetime.now(tz=UTC),
        )

    def verified(self) -> None:
        """Hold the whole log, its commits included, against the configuration."""
        ran = self.gate("verify", "--full")
        assert ran.code == 0, ran.out + ran.err

    def shown(self) -> list[dict[str, object]]:
        ran = self.gate("show", "--format", "json")
        assert ran.code == 0, ran.err
        rows: list[dict[str, object]] = json.loads(ran.out)["entries"]
        return rows[::-1]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The configuration of whoever runs the tests has no say in them."""
    for name, value in (QUIET | {"HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A log that was opened on the hub and pinned on its main."""
    hub = make_hub(tmp_path / "hub.git")
    clone = hub.clone(tmp_path / "clone")
    people = [make_person(tmp_path, name) for name in ("head", "rec", "head2", "rec2")]
    made = Keys(hub, clone, *people)
    clone.commit(files={"itil-gate.yaml": CONFIG, "people.yaml": PEOPLE})
    clone.git("push", "--quiet", "origin", "HEAD:main")
    ran = made.gate("init", *made.signed_by(people[0], people[1]), "--write-config")
    assert ran.code == 0, ran.err
    made.merge()
    return made


def _refused(keys: Keys, number: int, head: Person, *recorders: Person) -> str:
    with pytest.raises(GateError) as caught:
        keys.put(number, head, *recorders)
    return caught.value.code


def test_a_recorder_hands_over_and_the_log_is_well_at_every_step(keys: Keys) -> None:
    old = keys.signed_by(keys.head, keys.recorder)
    rotate = ("rotate", "--use", "recorder", "--new-key", keys.recorder2.key, *old)
    keys.put(1, keys.head, keys.recorder)
    # Not pinned yet: nothing is recorded, and the row is printed.
    ran = keys.gate(*rotate)
    assert ran.code == 3
    public = " ".join(keys.recorder2.public.split()[:2])
    assert ran.out == f"    - {{use: recorder, key: {public}, since: 2}}\n"
    assert len(keys.shown()) == 2
    assert _refused(keys, 2, keys.head, keys.recorder2) == "key-not-pinned"
    keys.put(2, keys.head, keys.recorder)
    assert keys.gate(*rotate, "--write-config").code == 3
    keys.put(3, keys.head, keys.recorder)
    keys.verified()
    # Pinned: both are good, and the hand-over is signed by both.
    keys.merge()
    keys.put(4, keys.head, keys.recorder)
    ran = keys.gate(*rotate, "--reason", "A year is over.")
    assert (ran.code, ran.out) == (0, "      until: 6\n"), ran.err
    entry = keys.shown()[5]
    assert entry["kind"] == "key-rotation"
    assert entry["signers"] == sorted([keys.recorder.fingerprint, keys.recorder2.fingerprint])
    statement = entry["statement"]
    assert isinstance(statement, dict)
    said = statement["predicate"]
    assert (said["use"], said["since"], said["reason"]) == ("recorder", 3, "A year is over.")
    assert public_of(said["old"]) == public_of(keys.recorder.public)
    assert public_of(said["new"]) == public_of(keys.recorder2.public)
    keys.verified()
    # A job that still had the old key: the end comes later, and nothing is recorded twice.
    keys.put(5, keys.head, keys.recorder)
    ran = keys.gate(*rotate, "--write-config")
    assert ran.code == 0, ran.err
    assert "recorded before, as entry 5" in ran.err
    assert len(keys.shown()) == 7
    keys.verified()
    keys.merge()
    assert _refused(keys, 6, keys.head, keys.recorder) == "key-not-pinned"
    keys.put(6, keys.head, keys.recorder2)
    assert [entry["believed"] for entry in keys.shown()] == [True] * 8
    keys.verified()
    assert keys.clone.git("show", "HEAD:itil-gate.yaml").splitlines()[-2:] == [
        f"    - {{use: recorder, key: {' '.join(keys.recorder.public.split()[:2])}, until: 7}}",
        f"    - {{use: recorder, key: {public}, since: 3}}",
    ]


def test_a_checkpoint_key_hands_over_under_a_head_that_both_signed(keys: Keys) -> None:
    old = keys.signed_by(keys.head, keys.recorder)
    rotate = ("rotate", "--use", "checkpoint", "--new-key", keys.head2.key, *old)
    assert keys.gate(*rotate, "--write-config").code == 3
    keys.put(1, keys.head, keys.recorder)
    keys.merge()
    assert keys.gate(*rotate, "--write-config").code == 0
    both = [log_key(ORIGIN, public_of(one.public)) for one in (keys.head, keys.head2)]
    note = file_at(keys.hub, "checkpoint")
    assert open_checkpoint(note, both, origin=ORIGIN).signed == tuple(both)
    keys.verified()
    keys.merge()
    assert _refused(keys, 2, keys.head, keys.recorder) == "key-not-pinned"
    keys.put(2, keys.head2, keys.recorder)
    with pytest.raises(LogError):
        open_checkpoint(file_at(keys.hub, "checkpoint"), both[:1], origin=ORIGIN)
    keys.verified()


def test_a_key_does_not_take_over_from_itself_nor_where_it_is_not_good(keys: Keys) -> None:
    signed = keys.signed_by(keys.head, keys.recorder)
    ran = keys.gate("rotate", "--use", "recorder", "--new-key", keys.recorder.key, *signed)
    assert (ran.code, "same-key" in ran.err) == (2, True)
    text = (keys.clone.path / "itil-gate.yaml").read_text()
    public = " ".join(keys.recorder2.public.split()[:2])
    row = f"    - {{use: recorder, key: {public}, since: 900}}\n"
    (keys.clone.path / "itil-gate.yaml").write_text(text + row)
    keys.merge()
    ran = keys.gate("rotate", "--use", "recorder", "--new-key", keys.recorder2.key, *signed)
    assert (ran.code, "since 900, and the log has 1 entries" in ran.err) == (2, True)
    assert len(keys.shown()) == 1


def test_a_revoked_recorder_is_believed_before_the_position_and_not_after(keys: Keys) -> None:
    _pin_second_recorder(keys)
    for number in (1, 2, 3):
        keys.put(number, keys.head, keys.recorder)
    keys.put(4, keys.head, keys.recorder, keys.recorder2)
    words = ("revoke", keys.recorder.fingerprint, "--since", "3", "--reason", "Stolen.")
    own = keys.gate(*words, *keys.signed_by(keys.head, keys.recorder))
    assert (own.code, "self-revocation" in own.err) == (2, True)
    both = keys.gate(*words, *keys.signed_by(keys.head, keys.recorder2, keys.recorder))
    assert (both.code, "self-revocation" in both.err) == (2, True)
    ran = keys.gate(*words, *keys.signed_by(keys.head, keys.recorder2))
    assert ran.code == 0, ran.err
    assert "only that key signed them: 3" in ran.err
    assert ran.out == "      until: 3\n"
    rows = keys.shown()
    # Entry 4 has the signature of another recorder too.
    assert [row["believed"] for row in rows] == [True, True, True, False, True, True]
    assert rows[4]["signers"] == [keys.recorder2.fingerprint]
    assert _refused(keys, 5, keys.head, keys.recorder) == "key-revoked"
    assert _refused(keys, 5, keys.head, keys.recorder2, keys.recorder) == "key-revoked"
    keys.put(5, keys.head, keys.recorder2)
    assert keys.gate("verify", "--full").code == 1
    again = keys.gate(*words, *keys.signed_by(keys.head, keys.recorder2))
    assert (again.code, "already" in again.err) == (0, True)
    # It was stolen earlier than was thought; what it signed since is corrected.
    earlier = ("revoke", keys.recorder.fingerprint, "--since", "1", "--reason", "Stolen before.")
    ran = keys.gate(
        *earlier, "--correct-by", "carol", "--write-config",
        *keys.signed_by(keys.head, keys.recorder2),
    )  # fmt: skip
    assert ran.code == 0, ran.err
    rows = keys.shown()
    assert [row["believed"] for row in rows[:5]] == [True, False, False, False, True]
    assert [row["kind"] for row in rows[7:]] == ["key-revocation", *["correction"] * 2]


def _pin_second_recorder(keys: Keys) -> None:
    signed = keys.signed_by(keys.head, keys.recorder)
    words = ("rotate", "--use", "recorder", "--new-key", keys.recorder2.key, *signed)
    assert keys.gate(*words, "--write-config").code == 3
    keys.merge()


def test_corrections_make_a_log_with_a_stolen_key_verify_again(keys: Keys) -> None:
    _pin_second_recorder(keys)
    keys.put(1, keys.head, keys.recorder)
    keys.put(2, keys.head, keys.recorder)
    ran = keys.gate(
        "revoke", keys.recorder.fingerprint, "--since", "2", "--reason", "Stolen.",
        "--correct-by", "carol", "--write-config", *keys.signed_by(keys.head, keys.recorder2),
    )  # fmt: skip
    assert ran.code == 0, ran.err
    keys.verified()
    keys.merge()
    keys.verified()
    assert "until: 2}" in keys.clone.git("show", "HEAD:itil-gate.yaml")


def test_a_stolen_key_that_revoked_the_others_is_outlived(keys: Keys) -> None:
    _pin_second_recorder(keys)
    thief = keys.signed_by(keys.head, keys.recorder)
    ran = keys.gate("revoke", keys.recorder2.fingerprint, "--since", "0", "--reason", "Ha.", *thief)
    assert ran.code == 0, ran.err
    assert _refused(keys, 1, keys.head, keys.recorder2) == "key-revoked"
    # The target branch has the last word: there the stolen key ends before it said so.
    file = keys.clone.path / "itil-gate.yaml"
    blob = keys.recorder.public.split()[1]
    lines = [
        line.replace("}", ", until: 1}") if blob in line and "recorder" in line else line
        for line in file.read_text().splitlines()
    ]
    file.write_text("\n".join(lines) + "\n")
    keys.merge()
    keys.put(1, keys.head, keys.recorder2)
    assert [row["believed"] for row in keys.shown()] == [True, False, True]


def test_a_revoked_checkpoint_key_signs_no_head_that_is_believed(keys: Keys) -> None:
    signed = keys.signed_by(keys.head, keys.recorder)
    words = ("rotate", "--use", "checkpoint", "--new-key", keys.head2.key, *signed)
    assert keys.gate(*words, "--write-config").code == 3
    keys.merge()
    keys.put(1, keys.head, keys.recorder)
    revoke = ("revoke", keys.head.fingerprint, "--since", "2", "--reason", "Lost.")
    own = keys.gate(*revoke, *signed)
    assert (own.code, "self-revocation" in own.err) == (2, True)
    ran = keys.gate(*revoke, *keys.signed_by(keys.head2, keys.recorder))
    assert ran.code == 0, ran.err
    keys.verified()
    assert _refused(keys, 2, keys.head, keys.recorder) == "key-revoked"
    keys.put(2, keys.head2, keys.recorder)
    keys.verified()


def test_only_pinned_keys_are_revoked_and_only_where_the_log_is(keys: Keys) -> None:
    signed = keys.signed_by(keys.head2, keys.recorder2)
    ran = keys.gate("revoke", "SHA256:x", "--since", "0", "--reason", "No.", *signed)
    assert (ran.code, "no-such-key" in ran.err) == (2, True)
    ran = keys.gate("revoke", keys.recorder.fingerprint, "--since", "2", "--reason", "No.", *signed)
    assert (ran.code, "none is number 2 yet" in ran.err) == (2, True)
    ran = keys.gate("revoke", keys.recorder.fingerprint, "--since", "1", "--reason", "No.", *signed)
    assert (ran.code, "key-not-pinned" in ran.err) == (2, True)
    assert len(keys.shown()) == 1


def test_two_recorders_sign_each_entry_and_two_keys_the_head(keys: Keys) -> None:
    file = keys.clone.path / "itil-gate.yaml"
    rows = [
        f"    - {{use: {use}, key: {' '.join(one.public.split()[:2])}}}\n"
        for use, one in (("checkpoint", keys.head2), ("recorder", keys.recorder2))
    ]
    file.write_text(file.read_text() + "".join(rows))
    keys.merge()
    ran = keys.gate(
        "expunge", "0", "--reason", "x", "--ordered-by", "carol",
        "--log-key", keys.head.key, "--log-key", keys.head2.key,
        "--recorder-key", keys.recorder.key, "--recorder-key", keys.recorder2.key,
    )  # fmt: skip
    assert (ran.code, "on which the log itself rests" in ran.err) == (2, True)
    keys.put(1, keys.head, keys.recorder)
    keys.put(met(1, index=1), keys.head, keys.recorder)
    ran = keys.gate(
        "expunge", "1", "--reason", "x", "--ordered-by", "carol",
        "--log-key", keys.head.key, "--log-key", keys.head2.key,
        "--recorder-key", keys.recorder.key, "--recorder-key", keys.recorder2.key,
        "--recorder-key", keys.recorder.key,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    envelope = dsse.parse(file_at(keys.hub, entry_path(3)))
    assert [one.keyid for one in envelope.signatures] == [
        keys.recorder.fingerprint, keys.recorder2.fingerprint,
    ]  # fmt: skip
    both = tuple(log_key(ORIGIN, public_of(one.public)) for one in (keys.head, keys.head2))
    assert open_checkpoint(file_at(keys.hub, "checkpoint"), both, origin=ORIGIN).signed == both
    keys.verified()


@pytest.mark.parametrize(
    ("person", "said"),
    [
        ("caro1", "use the id of a person: carol or carl"),
        ("Carol Danvers", "use the id of a person: carol"),
        ("carol@example.com", "use the id of a person: carol"),
        ("zzz", "use the id of a person that people.yaml lists: carol, carl"),
        ("robot", "robot is a bot by people.yaml on the target branch"),
    ],
)
def test_who_is_named_has_to_be_a_person_of_the_target(keys: Keys, person: str, said: str) -> None:
    signed = keys.signed_by(keys.head, keys.recorder)
    for words in (
        ("expunge", "0", "--reason", "x", "--ordered-by", person, *signed),
        (
            *("revoke", keys.recorder.fingerprint, "--since", "1", "--reason", "x"),
            *("--correct-by", person, *keys.signed_by(keys.head, keys.recorder2)),
        ),
    ):
        ran = keys.gate(*words)
        assert (ran.code, "unknown-person" in ran.err, said in ran.err) == (2, True, True), ran.err
    assert len(keys.shown()) == 1


def test_without_a_roster_on_the_target_nobody_can_be_named(keys: Keys) -> None:
    keys.clone.git("rm", "--quiet", "people.yaml")
    keys.clone.git("commit", "--quiet", "-m", "nobody")
    keys.clone.git("push", "--quiet", "origin", "HEAD:main")
    keys.clone.git("fetch", "--quiet", "origin", "main:refs/remotes/origin/main")
    signed = keys.signed_by(keys.head, keys.recorder)
    ran = keys.gate("expunge", "0", "--reason", "x", "--ordered-by", "carol", *signed)
    assert (ran.code, "there is no people.yaml on the target branch" in ran.err) == (2, True)


def test_an_expunged_entry_is_gone_and_still_proved(keys: Keys, tmp_path: Path) -> None:
    _pin_second_recorder(keys)
    keys.put(1, keys.head, keys.recorder)
    keys.put(met(1, index=1), keys.head, keys.recorder)
    signed = keys.signed_by(keys.head, keys.recorder)
    before = tmp_path / "before.tlog-proof"
    assert keys.gate("prove", "1", "--output", before).code == 0
    words = ("expunge", "1", "--reason", "Names a patient.", "--ordered-by", "carol", *signed)
    ran = keys.gate(*words)
    assert ran.code == 0, ran.err
    assert "is expunged by entry 3" in ran.err
    # One commit, which takes the file away and adds the entry that says so.
    changed = keys.hub.git("show", "--format=", "--name-status", "--no-renames", AUDIT_BRANCH)
    assert f"D\t{entry_path(1)}" in changed.splitlines()
    assert f"A\t{entry_path(3)}" in changed.splitlines()
    keys.verified()
    rows = keys.shown()
    assert [row["expungedBy"] for row in rows] == [None, 3, None, None]
    assert rows[1]["statement"] is None
    assert "expunged by entry 3" in keys.gate("show", "1").out
    assert "expunged by entry 3" in keys.gate("show").out
    assert keys.gate("verify-proof", before).code == 0
    after = keys.gate("prove", "1", "--entry", tmp_path / "entry.json")
    assert (after.code, "expunged by entry 3" in after.err) == (2, True)
    assert keys.gate("prove", "1", "--output", tmp_path / "after.tlog-proof").code == 0
    assert keys.gate("verify-proof", tmp_path / "after.tlog-proof").code == 0
    again = keys.gate(*words)
    assert (again.code, "was expunged by entry 3" in again.err) == (0, True)
    assert len(keys.shown()) == 4
    # Whoever would record it again, in other words or with another key, is told.
    with pytest.raises(LogError, match="expunged by entry 3"):
        keys.put(1, keys.head, keys.recorder2)


def test_a_file_that_is_merely_gone_is_not_called_expunged(keys: Keys) -> None:
    keys.put(1, keys.head, keys.recorder)
    keys.put(2, keys.head, keys.recorder)
    _remove(keys, entry_path(1))
    assert [row["expungedBy"] for row in keys.shown()] == [None, None, None]
    assert "no entry says why" in keys.gate("show", "1").out
    assert keys.gate("verify").code == 1


def test_a_revocation_whose_file_is_gone_stops_everything(keys: Keys) -> None:
    _pin_second_recorder(keys)
    signed = keys.signed_by(keys.head, keys.recorder2)
    words = ("revoke", keys.recorder.fingerprint, "--since", "1", "--reason", "Stolen.", *signed)
    assert keys.gate(*words).code == 0
    gone = keys.gate("expunge", "1", "--reason", "x", "--ordered-by", "carol", *signed)
    assert (gone.code, "not-expunged" in gone.err) == (2, True)
    _remove(keys, entry_path(1))
    ran = keys.gate("show")
    assert (ran.code, "entry-missing" in ran.err) == (2, True)
    assert _refused(keys, 5, keys.head, keys.recorder) == "entry-missing"


def _remove(keys: Keys, path: str) -> None:
    """Take a file from the branch on the hub, as somebody who may push there could."""
    index = keys.hub.path / "some-index"
    env = {**os.environ, "GIT_INDEX_FILE": str(index)}

    def git(*words: str, stdin: str = "") -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@y", *words],
            cwd=keys.hub.path, env=env, check=True, capture_output=True, text=True,
            input=stdin,
        )  # fmt: skip
        return done.stdout.strip()

    git("read-tree", AUDIT_BRANCH)
    git("update-index", "--index-info", stdin=f"0 {'0' * 40}\t{path}\n")
    commit = git("commit-tree", "-p", AUDIT_BRANCH, "-m", "x", git("write-tree"))
    git("update-ref", AUDIT_BRANCH, commit)
