"""Recording: in order, once, under pinned keys, on the log that is remembered."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.audit_branch import (
    LOG_KEYS,
    NOW,
    SETTINGS,
    file_at,
    make_hub,
    numbers_in,
    open_log,
    pinned,
    put,
)
from support.log import CHECKPOINT, KEYS, ORIGIN, RECORDER, REPOSITORY, event, signer

from itil_gate.gather.remembered import (
    memory_file,
    recall,
    remember,
    remembered_here,
)
from itil_gate.git.discover import discover
from itil_gate.log.checkpoint import in_text
from itil_gate.log.entry import entry_path
from itil_gate.log.proof import parse, verify_entry
from itil_gate.model.config import Config, LogSettings
from itil_gate.model.errors import GateError, LogError, SigningError
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.release.keys import LogKeys
from itil_gate.release.recorder import change_ids, record

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Repo

CONFIG = Config(api_version="itil-gate/v1", kind="Config", repository=REPOSITORY, log=SETTINGS)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The configuration of whoever runs the tests has no say in them."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def hub(tmp_path: Path) -> Repo:
    """A bare repository with a branch main."""
    return make_hub(tmp_path / "hub.git")


def _forget(repo: Repo) -> None:
    memory_file(discover(repo.path)).unlink()


def _note(repo: Repo, ref: str = AUDIT_BRANCH) -> str:
    return file_at(repo, "checkpoint", ref).decode()


def test_events_come_back_with_index_and_receipt(repo: Repo) -> None:
    assert open_log(repo).indices == (0,)
    made = put(repo, 1, 2, 3)
    assert made.indices == (1, 2, 3)
    assert made.checkpoint.size == 4
    assert made.tip == repo.tip(AUDIT_BRANCH)
    assert made.note == file_at(repo, "checkpoint")
    for index, receipt in zip(made.indices, made.proofs, strict=True):
        entry = file_at(repo, entry_path(index))
        leaf, opened = verify_entry(parse(receipt), KEYS, origin=ORIGIN, entry=entry)
        assert (leaf.kind, opened.checkpoint) == ("outcome", made.checkpoint)


def test_what_is_recorded_already_keeps_its_place(repo: Repo) -> None:
    open_log(repo)
    put(repo, 1, 2)
    tip = repo.tip(AUDIT_BRANCH)
    again = put(repo, 2, 1)
    assert again.indices == (2, 1)
    assert repo.tip(AUDIT_BRANCH) == again.tip == tip
    assert put(repo, 2, 3).indices == (2, 3)
    assert numbers_in(repo) == [1, 2, 3]


def test_what_is_recorded_otherwise_is_refused(repo: Repo) -> None:
    open_log(repo)
    tip = put(repo, 1).tip
    with pytest.raises(LogError) as caught:
        put(repo, 2, 1, said="failed")
    assert caught.value.code == "event-differs"
    assert repo.tip(AUDIT_BRANCH) == tip


def test_many_events_are_some_commits_of_256(repo: Repo) -> None:
    open_log(repo)
    made = put(repo, *range(600))
    assert made.indices == tuple(range(1, 601))
    assert numbers_in(repo) == list(range(600))
    assert repo.git("log", "--format=%s", AUDIT_BRANCH).splitlines() == [
        "Append 88 entries", "Append 256 entries", "Append 256 entries", "Append log-opened 0",
    ]  # fmt: skip


def test_a_log_that_nobody_opened_is_not_begun(repo: Repo) -> None:
    with pytest.raises(LogError) as caught:
        put(repo, 1)
    assert caught.value.code == "log-not-opened"
    assert repo.git("for-each-ref") == ""


def test_nothing_to_record_is_a_mistake_of_the_caller(repo: Repo) -> None:
    with pytest.raises(ValueError, match="nothing to record"):
        record(
            discover(repo.path), [], keys=LOG_KEYS, settings=SETTINGS, name=REPOSITORY,
            remote=None, now=NOW,
        )  # fmt: skip


def test_a_log_is_opened_once(repo: Repo) -> None:
    open_log(repo)
    with pytest.raises(LogError) as caught:
        open_log(repo)
    assert caught.value.code == "log-exists"
    names = repo.git("ls-tree", "--name-only", AUDIT_BRANCH).splitlines()
    assert names == [".gitattributes", "README.md", "checkpoint", "entry", "ids", "tile"]
    assert ORIGIN in file_at(repo, "README.md").decode()


@pytest.mark.parametrize("keys", [LogKeys(CHECKPOINT, signer(7)), LogKeys(signer(7), RECORDER)])
def test_keys_that_are_not_pinned_write_nothing(repo: Repo, keys: LogKeys) -> None:
    with pytest.raises(SigningError) as caught:
        open_log(repo, keys=keys)
    assert caught.value.code == "key-not-pinned"
    tip = open_log(repo).tip
    with pytest.raises(SigningError):
        put(repo, 1, keys=keys)
    assert repo.tip(AUDIT_BRANCH) == tip


def test_keys_take_over_where_they_are_pinned_to(repo: Repo) -> None:
    open_log(repo)
    old, new = LOG_KEYS, LogKeys(signer(7), signer(8))
    settings = LogSettings(
        keys=(
            pinned("checkpoint", CHECKPOINT, until=2),
            pinned("recorder", RECORDER, until=2),
            pinned("checkpoint", new.checkpoint, since=2),
            pinned("recorder", new.recorder, since=2),
        )
    )
    put(repo, 1, settings=settings, keys=old)
    for keys, good in ((old, False), (new, True)):
        if good:
            assert put(repo, 2, settings=settings, keys=keys).indices == (2,)
        else:
            with pytest.raises(SigningError):
                put(repo, 2, settings=settings, keys=keys)


def test_a_checkpoint_by_a_key_whose_time_is_over_is_not_built_on(repo: Repo) -> None:
    open_log(repo)
    put(repo, 1, 2, 3)
    settings = LogSettings(
        keys=(
            pinned("checkpoint", CHECKPOINT, until=2),
            pinned("checkpoint", signer(7), since=2),
            pinned("recorder", RECORDER),
        )
    )
    with pytest.raises(LogError) as caught:
        put(repo, 4, settings=settings, keys=LogKeys(signer(7), RECORDER))
    assert caught.value.code == "checkpoint-unsigned"


# --- what is remembered ------------------------------------------------------------------------


def test_an_amnesic_signer_is_refused(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    open_log(clone, remote="origin")
    seen = put(clone, 1, remote="origin").note.decode()
    hub.git("update-ref", "-d", AUDIT_BRANCH)
    with pytest.raises(LogError, match="it is remembered with 2") as caught:
        open_log(clone, remote="origin")
    assert caught.value.code == "log-rewound"
    # Begun anew from elsewhere, with the same keys, and grown beyond what it was.
    other = hub.clone(tmp_path / "other")
    open_log(other, remote="origin")
    put(other, 5, remote="origin")
    tip = put(other, 6, remote="origin").tip
    with pytest.raises(LogError) as caught:
        put(clone, 7, remote="origin")
    assert caught.value.code == "log-forked"
    with pytest.raises(LogError):
        put(other, 7, remote="origin", remembered=[seen])
    assert hub.tip(AUDIT_BRANCH) == tip
    # Nobody who has forgotten can tell: what only a remembered checkpoint sees.
    _forget(clone)
    put(clone, 7, remote="origin")


def test_a_rewound_branch_is_refused(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    open_log(clone, remote="origin")
    first = put(clone, 1, remote="origin").tip
    note = put(clone, 2, remote="origin").note.decode()
    hub.git("update-ref", AUDIT_BRANCH, first)
    with pytest.raises(LogError) as caught:
        put(clone, 3, remote="origin")
    assert caught.value.code == "log-rewound"
    other = hub.clone(tmp_path / "other")
    with pytest.raises(LogError) as caught:
        put(other, 3, remote="origin", remembered=[note])
    assert caught.value.code == "log-rewound"
    assert hub.tip(AUDIT_BRANCH) == first


def test_a_rewritten_entry_of_equal_size_is_refused(repo: Repo) -> None:
    open_log(repo)
    first = put(repo, 1)
    put(repo, 2)
    note = _note(repo)
    repo.git("update-ref", AUDIT_BRANCH, first.tip)
    _forget(repo)
    put(repo, 2, said="failed")
    with pytest.raises(LogError) as caught:
        put(repo, 3, remembered=[note])
    assert caught.value.code == "log-forked"
    # An older one that both share says nothing.
    put(repo, 3, remembered=[first.note.decode()])


def test_a_given_checkpoint_has_to_be_signed(repo: Repo) -> None:
    open_log(repo)
    note = _note(repo)
    tip = repo.tip(AUDIT_BRANCH)
    for bad in ("", "rubbish", note.replace("\n1\n", "\n2\n"), note.split("\n\n")[0] + "\n"):
        with pytest.raises(LogError):
            put(repo, 1, remembered=[bad])
    assert repo.tip(AUDIT_BRANCH) == tip
    put(repo, 1, remembered=[note])


def test_this_clone_remembers_the_largest_it_saw(repo: Repo) -> None:
    place = discover(repo.path)
    assert recall(place, origin=ORIGIN) == ()
    open_log(repo)
    small = _note(repo)
    put(repo, 1)
    large = _note(repo)
    assert recall(place, origin=ORIGIN) == (large,)
    remember(place, small.encode())
    assert recall(place, origin=ORIGIN) == (large,)
    assert recall(place, origin="another") == ()
    memory_file(place).write_text(f"{ORIGIN}\nrubbish")
    with pytest.raises(LogError):
        put(repo, 2)


def test_a_failed_push_is_not_remembered(hub: Repo, tmp_path: Path) -> None:
    clone = hub.clone(tmp_path / "clone")
    note = open_log(clone, remote="origin").note.decode()
    hub.git("config", "receive.maxInputSize", "10")
    with pytest.raises(GateError) as caught:
        put(clone, 1, remote="origin")
    assert caught.value.code == "push-refused"
    assert recall(discover(clone.path), origin=ORIGIN) == (note,)
    hub.git("config", "--unset", "receive.maxInputSize")
    assert put(clone, 1, remote="origin").indices == (1,)


def test_release_tags_remember(repo: Repo) -> None:
    repo.commit(files={"code": "x"})
    open_log(repo)
    notes = [put(repo, number).note.decode() for number in range(3)]
    place = discover(repo.path)
    assert remembered_here(place, CONFIG) == ()
    for number in (1, 0):
        text = f"Release {number}\n\nLog:\n\n{notes[number]}\nMore words.\n"
        repo.git("tag", "-a", "-F", "-", f"release/{number}", stdin=text.encode())
    forged = notes[2].replace("\n4\n", "\n9\n")
    repo.git("tag", "-a", "-F", "-", "release/x", stdin=forged.encode())
    repo.git("tag", "-a", "-F", "-", "other", stdin=notes[2].encode())
    assert remembered_here(place, CONFIG) == (notes[1],)


def test_requests_on_the_target_remember(repo: Repo) -> None:
    open_log(repo)
    notes = [put(repo, number).note.decode() for number in range(2)]
    block = "".join(f"    {line}\n" for line in notes[0].splitlines())
    repo.commit(
        files={
            "changes/2026/a.yaml": f"metadata:\n  checkpoint: |\n{block}",
            "changes/2026/b.yaml": f"metadata: {{title: {ORIGIN}}}\n",
            "changes/2026/c.yaml": f"{ORIGIN}: [broken\n",
            "changes/2026/d.yaml": f"- {ORIGIN}\n",
            "docs/e.yaml": f"metadata:\n  checkpoint: {notes[1]!r}\n",
        }
    )
    place = discover(repo.path)
    assert remembered_here(place, CONFIG) == (notes[0],)
    quoted = notes[1].replace("\n", "\\n")
    repo.commit(files={"changes/2026/f.yaml": f'metadata: {{checkpoint: "{quoted}"}}\n'})
    assert remembered_here(place, CONFIG) == (notes[1],)


def test_notes_are_found_in_whatever_stands_around_them(repo: Repo) -> None:
    open_log(repo)
    note = _note(repo)
    for text in (note, f"words\n{note}", f"words\n\n{note}\nmore", note.replace("\n", "\r\n"),
                 note.rstrip("\n")):  # fmt: skip
        assert in_text(text, origin=ORIGIN) == (note,)
    assert in_text(note, origin="another") == ()
    assert in_text(note.replace("\n\n", "\n"), origin=ORIGIN) == ()


# --- trailers ----------------------------------------------------------------------------------


def test_changes_become_trailers_and_other_text_does_not() -> None:
    said = {
        "change": "CHG-2026-AAAA0001",
        "changes": ["STD-restart-0123456789ab", "x\nLog-Size: 9", 7, "CHG-2026-AAAA0001\n"],
        "itilGate": {
            "decision": {"changes": [{"id": "CHG-2026-AAAA0002"}, {"id": None}, "x"]},
            "deploy": {"changes": ["CHG-2026-AAAA0003"]},
        },
    }
    assert change_ids({"predicate": said}) == (
        "CHG-2026-AAAA0001", "STD-restart-0123456789ab", "CHG-2026-AAAA0003", "CHG-2026-AAAA0002",
    )  # fmt: skip
    assert change_ids(event(1).statement) == ()
