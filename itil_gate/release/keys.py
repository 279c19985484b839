"""Where the keys of the audit log come from: a file, a secret of the environment, an agent.

The checkpoint key signs the log's head and its commits, the recorder's key its entries; one may do
both. A key that others may read, that is of another type than Ed25519, or that the configuration
on the target branch does not pin for the position in question signs nothing.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from itil_gate.model.errors import SigningError
from itil_gate.model.frozen import frozen
from itil_gate.signing.ed25519 import KeySigner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.log.pins import Pin
    from itil_gate.signing.ed25519 import Signer

AGENT = "agent:"
MOST_BYTES = 16 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@frozen
class LogKeys:
    """The keys that an append signs with; `checkpoint` signs its commit too.

    More keys may sign beside each: two recorders, or an old key and the one that takes over.
    """

    checkpoint: Signer
    recorder: Signer
    more_checkpoints: tuple[Signer, ...] = ()
    more_recorders: tuple[Signer, ...] = ()

    @property
    def checkpoints(self) -> tuple[Signer, ...]:
        """Every key that signs the tree, each once."""
        return _once(self.checkpoint, *self.more_checkpoints)

    @property
    def recorders(self) -> tuple[Signer, ...]:
        """Every key that signs entries, each once."""
        return _once(self.recorder, *self.more_recorders)


@frozen
class KeySource:
    """Where a key is to be had: `place` is a file or `agent:SHA256:…`, `secret` its text."""

    place: str | None = None
    secret: str | None = None
    secret_name: str = ""
    """Where the secret was found, for messages."""


def open_keys(
    checkpoint: KeySource,
    recorder: KeySource | None = None,
    *,
    agent: str | None = None,
    more_checkpoints: Sequence[str] = (),
    more_recorders: Sequence[str] = (),
) -> LogKeys:
    """Return the keys; without a source of its own the recorder's is the checkpoint key.

    `more_checkpoints` and `more_recorders` are the places of keys that sign beside them, `agent` is
    the path of the agent's socket. Raises SigningError `no-log-key` where nothing says where the
    checkpoint key is, and as `open_key` does.
    """
    first = open_key(checkpoint, agent=agent)
    if first is None:
        raise SigningError(
            "no-log-key",
            "nothing says with which key the audit log is signed",
            hint="name one: --log-key FILE or --log-key agent:SHA256:…, or set ITIL_GATE_LOG_KEY",
        )
    second = open_key(recorder, agent=agent) if recorder is not None else None
    return LogKeys(
        first,
        second or first,
        tuple(_opened(place, agent) for place in more_checkpoints),
        tuple(_opened(place, agent) for place in more_recorders),
    )


def open_key(source: KeySource, *, agent: str | None = None) -> Signer | None:
    """Return a key; None if the source names none. What is named goes before a secret.

    Raises SigningError `key-missing`, `key-permissions`, `key-unreadable`, `key-type`,
    `key-locked`, `agent-missing` and what the agent says.
    """
    if source.place and source.place.startswith(AGENT):
        return _from_agent(source.place.removeprefix(AGENT), agent)
    if source.place:
        return _from_file(source.place)
    if source.secret and source.secret.strip():
        text = source.secret.replace("\r\n", "\n").strip() + "\n"
        return _parsed(text.encode("utf-8", "replace"), source.secret_name or "the secret")
    return None


def refuse_unpinned(keys: LogKeys, pins: Sequence[Pin], *, size: int, more: int) -> None:
    """Refuse keys that are not pinned for the next `more` entries of a log of `size` entries.

    Raises SigningError `key-revoked` for one that the log revokes, else `key-not-pinned`.
    """
    last = size + more - 1
    for use, key, positions in (
        *(("checkpoint", key, (last,)) for key in keys.checkpoints),
        *(("recorder", key, (size, last)) for key in keys.recorders),
    ):
        mine = [pin for pin in pins if pin.use == use and pin.public == key.public]
        if not all(any(pin.good_at(position) for pin in mine) for position in positions):
            revoked = [pin.revoked for pin in mine if pin.revoked is not None]
            if revoked:
                raise SigningError(
                    "key-revoked",
                    f"the {use} key {key.fingerprint} was revoked from entry {min(revoked)} on",
                    hint="sign with another one that is pinned in itil-gate.yaml",
                )
            where = "it is pinned for other positions" if mine else "it is not pinned at all"
            raise SigningError(
                "key-not-pinned",
                f"the {use} key {key.fingerprint} is not good for entry {last}: {where}",
                hint="pin its public key under log.keys in itil-gate.yaml on the target branch, "
                "or sign with one that is pinned there",
            )


def _opened(place: str, agent: str | None) -> Signer:
    found = open_key(KeySource(place), agent=agent)
    if found is None:
        raise SigningError("no-log-key", "the name of a key is empty", hint="name a file")
    return found


def _once(*signers: Signer) -> tuple[Signer, ...]:
    return tuple({signer.public: signer for signer in signers}.values())


def _from_agent(fingerprint: str, agent: str | None) -> Signer:
    from itil_gate.git.agent import agent_signer  # noqa: PLC0415 - most keys are files

    if agent is None:
        raise SigningError(
            "agent-missing",
            "no agent is running: SSH_AUTH_SOCK is not set",
            hint="start one: `eval $(ssh-agent)`, then `ssh-add` the key",
        )
    if not fingerprint.startswith("SHA256:"):
        raise SigningError(
            "key-missing",
            f"{fingerprint!r} is not the fingerprint of a key",
            hint="write it as `ssh-add -l` prints it: agent:SHA256:…",
        )
    return agent_signer(agent, fingerprint)


def _from_file(place: str) -> Signer:
    try:
        path = Path(place).expanduser()
        with path.open("rb") as file:
            mode = path.stat().st_mode
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise SigningError(
            "key-missing",
            f"there is no key file {place}",
            hint="make one: `ssh-keygen -t ed25519 -N '' -f FILE`",
        ) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise SigningError("key-unreadable", f"{place} cannot be read: {error}") from error
    if mode & _OTHERS:
        raise SigningError(
            "key-permissions",
            f"others may read the private key {place}, so it is not used",
            hint=f"`chmod 600 {place}`, and think about making a new one",
        )
    return _parsed(data, place)


def _parsed(data: bytes, name: str) -> Signer:
    if len(data) > MOST_BYTES:
        raise SigningError("key-unreadable", f"{name} is too long for a private key")
    try:
        return KeySigner.from_openssh(data)
    except SigningError as error:
        raise SigningError(error.code, f"{name}: {error.message}", hint=error.hint) from error
