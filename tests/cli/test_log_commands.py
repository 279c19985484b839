"""`itil-gate log`: opened, shown, proved, cosigned and handed out, on a real remote."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from support.audit_branch import file_at, make_hub, numbers_in, open_log, put
from support.books import LOG
from support.log import CHECKPOINT, ORIGIN, REPOSITORY
from support.repository import Repo, make_person
from support.shell import Ran, run_gate

from itil_gate.cli.log_command import COMMANDS
from itil_gate.gather.remembered import memory_file
from itil_gate.git.discover import discover
from itil_gate.log.checkpoint import log_key, open_checkpoint
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.signing.ed25519 import KeySigner
from itil_gate.signing.note import COSIGNATURE, VerifierKey, named_key

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = f"apiVersion: itil-gate/v1\nkind: Config\nrepository: {REPOSITORY}\n"
QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
VKEY = log_key(ORIGIN, CHECKPOINT.public).text


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The configuration of whoever runs the tests has no say in them."""
    for name, value in (QUIET | {"HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub, and a clone of one commit; the log on the hub has two events. Made once."""
    folder = tmp_path_factory.mktemp("logged")
    hub = make_hub(folder / "hub.git")
    _configure(hub, folder, CONFIG + LOG)
    clone = hub.clone(folder / "clone", "--depth=1")
    open_log(clone, remote="origin")
    put(clone, 1, 2, remote="origin")
    return folder


@pytest.fixture
def hub(logged: Path, tmp_path: Path) -> Repo:
    """A bare repository whose main has a configuration that pins the log's keys."""
    shutil.copytree(logged / "hub.git", tmp_path / "hub.git", symlinks=True)
    return Repo(tmp_path / "hub.git", bare=True)


@pytest.fixture
def clone(logged: Path, hub: Repo, tmp_path: Path) -> Repo:
    """A clone of one commit; the log on the remote has two events."""
    shutil.copytree(logged / "clone", tmp_path / "clone", symlinks=True)
    clone = Repo(tmp_path / "clone")
    clone.git("remote", "set-url", "origin", f"file://{hub.path}")
    return clone


def _configure(hub: Repo, tmp_path: Path, text: str) -> None:
    work = hub.clone(tmp_path / "work")
    work.commit(files={"itil-gate.yaml": text})
    work.git("push", "--quiet", "origin", "main")


def _log(repo: Repo, *words: str | Path, **env: str) -> Ran:
    ran = run_gate("log", *words, cwd=repo.path, env=QUIET | env)
    assert "Traceback" not in ran.err
    return ran


# --- init --------------------------------------------------------------------------------------


def test_a_log_is_opened_pinned_and_used(tmp_path: Path) -> None:
    hub = make_hub(tmp_path / "hub.git")
    _configure(hub, tmp_path, CONFIG)
    clone = hub.clone(tmp_path / "clone")
    before = clone.git("for-each-ref")
    ran = _log(clone, "init", "--make-keys", "../keys", "--write-config")
    assert (ran.code, ran.out) == (0, "")
    assert "protect the branch audit-log in origin" in ran.err
    assert clone.git("for-each-ref") == before
    assert hub.git("log", "--format=%s", AUDIT_BRANCH) == "Append log-opened 0"
    assert (tmp_path / "keys" / "audit-log").stat().st_mode & 0o777 == 0o600
    clone.commit(files={})
    clone.git("push", "--quiet", "origin", "main")
    shown = _log(clone, "show", "0", "--format", "json")
    assert shown.code == 0
    (entry,) = json.loads(shown.out)["entries"]
    assert (entry["kind"], entry["believed"]) == ("log-opened", True)
    predicate = entry["statement"]["predicate"]
    assert predicate["origin"] == ORIGIN
    assert predicate["adopted"] == hub.tip("main~1")
    allowed = tmp_path / "allowed"
    allowed.write_text(f"log {(tmp_path / 'keys' / 'audit-log.pub').read_text()}")
    hub.git("-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", AUDIT_BRANCH)
    again = _log(clone, "init", "--log-key", "../keys/audit-log")
    assert again.code == 2
    assert "log-exists" in again.err
    over = _log(clone, "init", "--make-keys", "../keys")
    assert over.code == 2
    assert "key-exists" in over.err


def test_the_section_is_printed_for_keys_from_secrets_and_from_an_agent(tmp_path: Path) -> None:
    hub = make_hub(tmp_path / "hub.git")
    _configure(hub, tmp_path, CONFIG)
    clone = hub.clone(tmp_path / "clone")
    one, two = make_person(tmp_path, "alice"), make_person(tmp_path, "bob")
    ran = _log(
        clone, "init", "--local",
        ITIL_GATE_LOG_KEY=one.key.read_text(), ITIL_GATE_RECORDER_KEY=two.key.read_text(),
    )  # fmt: skip
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "log:",
        "  keys:",
        f"    - {{use: checkpoint, key: {' '.join(one.public.split()[:2])}}}",
        f"    - {{use: recorder, key: {' '.join(two.public.split()[:2])}}}",
    ]
    assert "PRIVATE" not in ran.out + ran.err
    assert clone.tip(AUDIT_BRANCH)
    refused = _log(clone, "init", "--log-key", "agent:SHA256:x", SSH_AUTH_SOCK=str(tmp_path / "s"))
    assert refused.code == 2
    assert "agent-missing" in refused.err


def test_without_a_key_or_a_configuration_nothing_is_opened(tmp_path: Path) -> None:
    hub = make_hub(tmp_path / "hub.git")
    clone = hub.clone(tmp_path / "clone")
    assert "not-adopted" in _log(clone, "init").err
    _configure(hub, tmp_path, CONFIG)
    clone.git("fetch", "--quiet")
    ran = _log(clone, "init", SSH_AUTH_SOCK="")
    assert ran.code == 2
    assert "no-log-key" in ran.err
    assert "no-log:" in _log(clone, "show").err
    assert AUDIT_BRANCH not in hub.git("for-each-ref")


# --- show --------------------------------------------------------------------------------------


def test_entries_are_listed_newest_first_a_page_at_a_time(clone: Repo) -> None:
    ran = _log(clone, "show")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["2", "1", "0"]
    assert f"3 of 3 entries of {ORIGIN}" in ran.err
    page = _log(clone, "show", "--limit", "1", "--before", "2")
    assert page.out.split()[0] == "1"
    assert "more: --before 1" in page.err
    some = _log(clone, "show", "--kind", "log-opened", "--limit", "1")
    assert some.out.split()[0] == "0"
    one = _log(clone, "show", "1")
    assert one.out.startswith("entry 1: outcome\n")
    assert '"number": 1' in one.out
    none = _log(clone, "show", "3")
    assert none.code == 2
    assert "no-such-entry" in none.err


def test_what_strangers_wrote_is_shown_and_not_obeyed(clone: Repo) -> None:
    put(clone, 9, remote="origin", said="a\x1b[2J\n::set-output name=x::y\u202e")
    for words in (("show",), ("show", "3")):
        ran = _log(clone, *words)
        assert ran.code == 0
        assert "\x1b" not in ran.out
        assert "\u202e" not in ran.out
        assert not any(line.lstrip().startswith("::") for line in ran.out.splitlines())
    assert json.loads(_log(clone, "show", "3", "--format", "json").out)["size"] == 4


def test_entries_by_other_keys_are_marked(clone: Repo, hub: Repo, tmp_path: Path) -> None:
    stranger = make_person(tmp_path, "carol").public
    work = hub.clone(tmp_path / "work")
    line = LOG.splitlines()[-1].split('"')[1]
    work.commit(files={"itil-gate.yaml": CONFIG + LOG.replace(line, stranger)})
    work.git("push", "--quiet", "origin", "main")
    clone.git("fetch", "--quiet", "--depth=1", "origin", "+main:refs/remotes/origin/main")
    ran = _log(clone, "show")
    assert ran.code == 0
    assert ran.out.count("NOT BELIEVED") == 3
    assert hub.tip(AUDIT_BRANCH)


# --- receipts ----------------------------------------------------------------------------------


def test_a_receipt_holds_for_its_entry_and_for_no_other(clone: Repo, tmp_path: Path) -> None:
    made = _log(clone, "prove", "1", "--output", "../p", "--entry", "../e")
    assert made.code == 0
    printed = _log(clone, "prove", "1")
    assert printed.out == (tmp_path / "p").read_text()
    (tmp_path / "config.yaml").write_text(CONFIG + LOG)
    (tmp_path / "elsewhere").mkdir()
    for words in (("--key", VKEY), ("--config", "../config.yaml")):
        holds = run_gate(
            "log", "verify-proof", "../p", "--entry", "../e", *words, cwd=tmp_path / "elsewhere"
        )
        assert holds.code == 0
        assert "holds: entry 1 (outcome, sha256 " in holds.out
    assert _log(clone, "verify-proof", "../p").code == 0
    (tmp_path / "e").write_bytes((tmp_path / "e").read_bytes() + b" ")
    other = _log(clone, "verify-proof", "../p", "--entry", "../e")
    assert (other.code, "another file" in other.out) == (1, True)


@pytest.mark.heavy
def test_every_changed_byte_of_a_receipt_is_seen(clone: Repo, tmp_path: Path) -> None:
    _log(clone, "prove", "1", "--output", "../p")
    data = (tmp_path / "p").read_bytes()
    for at in range(3, len(data), len(data) // 12):
        changed = bytearray(data)
        changed[at] ^= 1
        (tmp_path / "p").write_bytes(bytes(changed))
        assert _log(clone, "verify-proof", "../p", "--key", VKEY).code == 1, at
    assert _log(clone, "verify-proof", "../nowhere").code == 2
    assert _log(clone, "verify-proof", "../p", "--key", "rubbish").code == 2


def test_a_receipt_under_another_key_or_with_too_few_witnesses_does_not_hold(
    clone: Repo, tmp_path: Path
) -> None:
    _log(clone, "prove", "1", "--output", "../p")
    other = log_key(ORIGIN, named_key("x", bytes(31) + b"\x09").public).text
    assert _log(clone, "verify-proof", "../p", "--key", other).code == 1
    (tmp_path / "c.yaml").write_text(CONFIG + LOG + "  cosignatures: 1\n")
    ran = _log(clone, "verify-proof", "../p", "--config", "../c.yaml")
    assert (ran.code, "witnesses" in ran.out) == (1, True)


# --- checkpoints -------------------------------------------------------------------------------


def test_the_checkpoint_is_the_signed_note_and_its_keys(clone: Repo, hub: Repo) -> None:
    ran = _log(clone, "checkpoint")
    assert (ran.code, ran.out.encode()) == (0, file_at(hub, "checkpoint"))
    assert _log(clone, "checkpoint", "--vkey").out == f"{VKEY}\n"


def test_the_log_extends_what_it_was_and_not_what_it_was_not(
    clone: Repo, hub: Repo, tmp_path: Path
) -> None:
    (tmp_path / "old").write_bytes(file_at(hub, "checkpoint"))
    first = hub.tip(AUDIT_BRANCH)
    put(clone, 3, 4, remote="origin")
    good = _log(clone, "consistency", "../old")
    assert good.code == 0
    assert len(good.out.splitlines()) == 4
    assert "with 5 entries extends its first 3" in good.err
    (tmp_path / "late").write_bytes(file_at(hub, "checkpoint"))
    hub.git("update-ref", AUDIT_BRANCH, first)
    memory_file(discover(clone.path)).unlink()
    put(clone, 3, 5, 6, remote="origin")
    bad = _log(clone, "consistency", "../late")
    assert bad.code == 1
    assert "tampered: log-inconsistent" in bad.err
    (tmp_path / "late").write_text("rubbish")
    odd = _log(clone, "consistency", "../late")
    assert (odd.code, "bad-checkpoint" in odd.err, "tampered" in odd.err) == (2, True, False)
    assert _log(clone, "consistency", "../nowhere").code == 2


def test_a_slip_of_the_keyboard_is_neither_nothing_nor_tampering(
    clone: Repo, tmp_path: Path
) -> None:
    kind = _log(clone, "show", "--kind", "outcom")
    assert (kind.code, "meant is perhaps outcome" in kind.err) == (2, True)
    assert _log(clone, "show", "--kind", "outcome").code == 0
    entry = _log(clone, "show", "99")
    assert (entry.code, "none is number 99" in entry.err) == (2, True)
    assert "they are numbered from 0" in entry.err
    assert "they are numbered from 0" in _log(clone, "prove", "99").err
    elsewhere = _log(clone, "verify", "--dir", tmp_path)
    assert (elsewhere.code, "holds nothing of a log" in elsewhere.err) == (2, True)
    nowhere = _log(clone, "verify", "--remote", "nope")
    assert (nowhere.code, "\\n" in nowhere.err) == (2, False)


def test_a_log_that_was_moved_back_is_tampered_with_for_who_saw_more(
    clone: Repo, hub: Repo
) -> None:
    first = hub.tip(AUDIT_BRANCH)
    put(clone, 3, remote="origin")
    hub.git("update-ref", AUDIT_BRANCH, first)
    for words in (("show",), ("checkpoint",), ("prove", "0")):
        ran = _log(clone, *words)
        assert (ran.code, ran.out) == (1, "")
        assert "tampered: log-rewound" in ran.err


def test_a_copy_that_is_behind_is_no_tampering(clone: Repo) -> None:
    clone.git("fetch", "--quiet", "origin", "audit-log:refs/remotes/origin/audit-log")
    tip = clone.tip("refs/remotes/origin/audit-log")
    put(clone, 3, remote="origin")
    clone.git("update-ref", "refs/remotes/origin/audit-log", tip)
    ran = _log(clone, "show", "--local")
    assert (ran.code, ran.out) == (2, "")
    assert "log-behind: " in ran.err
    assert "has 3 entries; it is remembered with 4" in ran.err
    clone.git("fetch", "--quiet", "origin", "audit-log:refs/remotes/origin/audit-log")
    assert _log(clone, "show", "--local").code == 0


def test_a_file_that_was_changed_is_tampering(clone: Repo, hub: Repo, tmp_path: Path) -> None:
    work = hub.clone(tmp_path / "work")
    work.git("fetch", "--quiet", "origin", "audit-log")
    work.git("checkout", "--quiet", "-B", "audit-log", "FETCH_HEAD")
    path = "entry/000/000/001.intoto.json"
    text = (work.path / path).read_text()
    work.commit(files={path: text.replace('"sig":"', '"sig":"A')})
    work.git("push", "--quiet", "origin", "audit-log")
    ran = _log(clone, "show")
    assert ran.code == 1
    assert "tampered: " in ran.err
    assert hub.tip(AUDIT_BRANCH)


# --- witnesses ---------------------------------------------------------------------------------


def test_a_witness_adds_its_signature_and_only_that(clone: Repo, hub: Repo, tmp_path: Path) -> None:
    witness = make_person(tmp_path, "carol")
    words = ("cosign", "--key", witness.key, "--name", "example.com/auditor")
    before = hub.git("ls-tree", "-r", AUDIT_BRANCH).splitlines()
    ran = _log(clone, *words)
    assert ran.code == 0
    after = hub.git("ls-tree", "-r", AUDIT_BRANCH).splitlines()
    assert [line.split("\t")[1] for line in after if line not in before] == ["checkpoint"]
    allowed = tmp_path / "allowed"
    allowed.write_text(f"witness {witness.public}\n")
    hub.git("-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", AUDIT_BRANCH)
    vkey = ran.err.split("its verifier key is ")[1].split()[0]
    name, _, _ = vkey.partition("+")
    assert name == "example.com/auditor"
    keys = (log_key(ORIGIN, CHECKPOINT.public), *_witness_keys(witness.key))
    opened = open_checkpoint(file_at(hub, "checkpoint"), keys, origin=ORIGIN)
    assert [one.key.text for one in opened.cosigned] == [vkey]
    # Appending goes on, from a checkpoint that has to be cosigned anew.
    put(clone, 3, remote="origin")
    printed = _log(clone, *words, "--output", "-")
    assert printed.code == 0
    assert printed.out.count("\u2014 ") == 2
    assert file_at(hub, "checkpoint").count(b"\xe2\x80\x94 ") == 1


def _witness_keys(key: Path) -> tuple[VerifierKey, ...]:
    public = KeySigner.from_openssh(key.read_bytes()).public
    return (named_key("example.com/auditor", public, kind=COSIGNATURE),)


def test_a_witness_does_not_sign_what_does_not_extend_what_it_signed(
    clone: Repo, hub: Repo, tmp_path: Path
) -> None:
    witness = make_person(tmp_path, "carol")
    words = ("cosign", "--key", witness.key, "--name", "example.com/auditor", "--output", "-")
    first = hub.tip(AUDIT_BRANCH)
    put(clone, 3, remote="origin")
    assert _log(clone, *words).code == 0
    hub.git("update-ref", AUDIT_BRANCH, first)
    memory_file(discover(clone.path)).unlink()
    back = _log(clone, *words)
    assert (back.code, back.out) == (1, "")
    assert "log-rewound" in back.err
    put(clone, 4, 5, remote="origin")
    fork = _log(clone, *words)
    assert (fork.code, fork.out) == (1, "")
    assert "log-forked" in fork.err
    # Another witness never saw the other one.
    other = ("cosign", "--key", witness.key, "--name", "example.com/b", "--output", "-")
    assert _log(clone, *other).code == 0


def test_a_witness_that_cannot_write_down_what_it_signs_does_not_sign(
    clone: Repo, tmp_path: Path
) -> None:
    witness = make_person(tmp_path, "carol")
    (tmp_path / "file").write_text("")
    ran = _log(
        clone, "cosign", "--key", witness.key, "--name", "example.com/a", "--output", "-",
        "--state", tmp_path / "file" / "state",
    )  # fmt: skip
    assert (ran.code, ran.out) == (2, "")
    assert "witness-busy" in ran.err


def test_what_a_public_witness_asks_for_is_printed(clone: Repo, hub: Repo) -> None:
    put(clone, 3, 4, remote="origin")
    note = file_at(hub, "checkpoint").decode()
    for old, count in ((0, 0), (3, 4), (5, 0)):
        ran = _log(clone, "witness-request", "--old", str(old))
        assert ran.code == 0
        head, _, rest = ran.out.partition("\n\n")
        assert rest == note
        assert head.splitlines()[0] == f"old {old}"
        assert len(head.splitlines()) == 1 + count
    assert _log(clone, "witness-request", "--old", "6").code == 1


# --- export ------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_the_export_is_the_branch_as_plain_files(clone: Repo, hub: Repo, tmp_path: Path) -> None:
    put(clone, *range(10, 300), remote="origin")
    ran = _log(clone, "export", "--dir", "../out")
    assert ran.code == 0
    out = tmp_path / "out"
    files = {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()}
    assert {"checkpoint", "tile/0/000", "tile/0/001.p/37", "tile/1/000.p/1"} <= files
    assert sum(name.startswith("entry/") for name in files) == 293
    for name in files:
        assert (out / name).read_bytes() == file_at(hub, name), name
    again = _log(clone, "export", "--dir", "../out")
    assert again.code == 2
    assert "not-empty" in again.err
    assert numbers_in(hub)[:3] == [1, 2, 10]


def test_every_command_has_examples_and_says_how_it_ends(tmp_path: Path) -> None:
    for name in COMMANDS:
        ran = run_gate("log", name, "--help", cwd=tmp_path)
        assert ran.code == 0
        assert f"  itil-gate log {name}" in ran.out, name
        assert "Exit codes: 0" in ran.out or "Exit code 0" in ran.out, name
        assert "--repo" in ran.out
