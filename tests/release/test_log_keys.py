"""Where the log's keys come from, and which of them sign nothing."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from support.audit_branch import LOG_KEYS, pinned
from support.log import CHECKPOINT, RECORDER, signer
from support.repository import make_person

from itil_gate.log.pins import pins_of
from itil_gate.model.config import LogSettings
from itil_gate.model.errors import SigningError
from itil_gate.release.keys import KeySource, LogKeys, open_key, open_keys, refuse_unpinned

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Person


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody with a key file that only they can read."""
    return make_person(tmp_path, "alice")


def _code(source: KeySource, *, agent: str | None = None) -> str:
    with pytest.raises(SigningError) as caught:
        open_keys(source, agent=agent)
    return caught.value.code


def test_a_file_and_a_secret_hold_the_same_key(person: Person) -> None:
    text = person.key.read_text()
    for source in (
        KeySource(str(person.key)),
        KeySource(secret=text),
        KeySource(secret=text.replace("\n", "\r\n")),
        KeySource(secret=f"\n{text.strip()}"),
        KeySource(str(person.key), secret="rubbish"),  # noqa: S106 - not looked at
    ):
        key = open_key(source)
        assert key is not None
        assert key.fingerprint == person.fingerprint


def test_one_key_may_serve_both(person: Person, tmp_path: Path) -> None:
    other = make_person(tmp_path, "bob")
    keys = open_keys(KeySource(str(person.key)))
    assert keys.checkpoint is keys.recorder
    assert open_keys(KeySource(str(person.key)), KeySource()).recorder is not None
    two = open_keys(KeySource(str(person.key)), KeySource(str(other.key)))
    assert (two.checkpoint.fingerprint, two.recorder.fingerprint) == (
        person.fingerprint,
        other.fingerprint,
    )


def test_without_a_key_it_says_where_one_could_be(person: Person) -> None:
    assert _code(KeySource()) == "no-log-key"
    assert _code(KeySource(secret="  \n")) == "no-log-key"  # noqa: S106 - an empty secret
    with pytest.raises(SigningError, match="nothing says"):
        open_keys(KeySource(), KeySource(str(person.key)))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_a_key_that_others_may_read_is_not_used(person: Person, mode: int) -> None:
    person.key.chmod(mode)
    assert _code(KeySource(str(person.key))) == "key-permissions"
    person.key.chmod(0o400)
    assert open_key(KeySource(str(person.key))) is not None


def test_what_is_no_key_is_refused_and_named(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("rubbish")
    rubbish.chmod(0o600)
    long = tmp_path / "long"
    long.write_bytes(b"x" * 100_000)
    long.chmod(0o600)
    ecdsa = make_person(tmp_path, "bob", kind="ecdsa")
    for place, code in (
        (tmp_path / "nowhere", "key-missing"),
        (rubbish, "key-unreadable"),
        (long, "key-unreadable"),
        (tmp_path, "key-unreadable"),
        (ecdsa.key, "key-type"),
        ("~nobody-here/x", "key-unreadable"),
        ("a\0b", "key-unreadable"),
    ):
        assert _code(KeySource(str(place))) == code
    with pytest.raises(SigningError, match="ITIL_GATE_LOG_KEY: the bytes are no") as caught:
        open_keys(KeySource(secret="rubbish", secret_name="ITIL_GATE_LOG_KEY"))  # noqa: S106
    assert "rubbish" not in caught.value.diagnostics()


def test_a_locked_key_is_an_error_and_no_question(person: Person) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", person.key], check=True
    )
    assert _code(KeySource(str(person.key))) == "key-locked"


def test_a_key_of_an_agent_needs_an_agent_and_a_fingerprint(tmp_path: Path) -> None:
    assert _code(KeySource("agent:SHA256:x")) == "agent-missing"
    assert _code(KeySource("agent:SHA256:x"), agent=str(tmp_path / "s")) == "agent-missing"
    assert _code(KeySource("agent:alice"), agent=str(tmp_path / "s")) == "key-missing"


def test_the_private_half_is_never_shown(person: Person) -> None:
    keys = open_keys(KeySource(str(person.key)))
    assert person.fingerprint in repr(keys)
    assert "PRIVATE" not in repr(keys)


@pytest.mark.parametrize(
    ("size", "more", "good"),
    [(9, 1, False), (10, 1, True), (10, 10, True), (10, 11, False), (20, 1, False)],
)
def test_a_key_signs_only_where_it_is_pinned(size: int, more: int, *, good: bool) -> None:
    for narrow in ("checkpoint", "recorder"):
        since = {narrow: 10}
        until = {narrow: 20}
        pins = pins_of(
            LogSettings(
                keys=tuple(
                    pinned(use, key, since=since.get(use, 0), until=until.get(use))
                    for use, key in (("checkpoint", CHECKPOINT), ("recorder", RECORDER))
                )
            )
        )
        if good:
            refuse_unpinned(LOG_KEYS, pins, size=size, more=more)
            continue
        with pytest.raises(SigningError, match="pinned for other positions") as caught:
            refuse_unpinned(LOG_KEYS, pins, size=size, more=more)
        assert caught.value.code == "key-not-pinned"


def test_a_key_pinned_for_the_other_use_does_not_sign() -> None:
    pins = pins_of(
        LogSettings(keys=(pinned("checkpoint", CHECKPOINT), pinned("recorder", RECORDER)))
    )
    for keys in (
        LogKeys(CHECKPOINT, CHECKPOINT),
        LogKeys(RECORDER, RECORDER),
        LogKeys(RECORDER, CHECKPOINT),
        LogKeys(CHECKPOINT, signer(99)),
    ):
        with pytest.raises(SigningError, match="not pinned at all"):
            refuse_unpinned(keys, pins, size=0, more=1)
