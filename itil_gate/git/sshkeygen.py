"""Sign with the caller's own SSH key through `ssh-keygen`, which knows agents and hardware keys.

Only signing is done here; signatures are verified in `signing/`, without any program. A private
key is never read by us. Unless told otherwise nothing is asked at a terminal: a key that needs a
passphrase is an error with the command that unlocks it, not a hanging job.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from itil_gate.git.run import Result, environment, run, search_path
from itil_gate.model.errors import HistoryError, SigningError

TIMEOUT = 60.0
"""Seconds; a hardware key waits for a touch."""

_LITERAL = ("key::", "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")
_REASONS = (
    (
        "key-permissions",
        ("bad permissions", "are too open"),
        "others may read the private key {key}, so ssh-keygen will not use it",
        "`chmod 600 {key}`, and think about making a new one",
    ),
    (
        "key-locked",
        ("incorrect passphrase", "no passphrase", "cannot decrypt"),
        "the key {key} needs a passphrase",
        "unlock it once: `ssh-add {key}`",
    ),
    (
        "agent-missing",
        ("No private key found", "agent socket", "agent refused", "with agent"),
        "the private key of {key} is neither beside it nor in the agent",
        "start an agent and `ssh-add` the key, or name the private key file",
    ),
    (
        "key-touch-failed",
        ("device not found", "requires touch", "sk-helper", "invalid format of authenticator"),
        "the hardware key {key} did not answer",
        "plug it in and touch it when it blinks",
    ),
)


def sign(data: bytes, *, key: str, namespace: str, interactive: bool = False) -> str:
    """Return the armoured SSH signature (PROTOCOL.sshsig) of some bytes.

    `key` is the path of a private key, or of a public key or `key::…` whose private half an agent
    holds. With `interactive` ssh-keygen may ask for a passphrase at the terminal. Raises
    SigningError `key-missing`, `key-unreadable`, `key-locked`, `key-permissions`, `agent-missing`,
    `key-touch-failed`, `signing-failed`, `signing-timeout` or `ssh-keygen-missing`.
    """
    with tempfile.TemporaryDirectory(prefix="itil-gate-") as directory:
        path = _key_file(key, Path(directory))
        done = _keygen(
            *("-Y", "sign", "-q", "-f", str(path), "-n", namespace),
            stdin=data,
            interactive=interactive,
        )
    armoured = done.out.decode("ascii", "replace")
    if done.status != 0 or not armoured.startswith("-----BEGIN SSH SIGNATURE-----"):
        raise _failure(done, key)
    return armoured


def public_key(key: str) -> str:
    """Return the public key line of a key: type, base64 and, where there is one, a comment.

    `key` is as for `sign`. Raises SigningError as `sign` does.
    """
    with tempfile.TemporaryDirectory(prefix="itil-gate-") as directory:
        path = _key_file(key, Path(directory))
        beside = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
        if beside.is_file():
            return _one_line(beside.read_bytes(), key)
        done = _keygen("-y", "-P", "", "-f", str(path))
    if done.status != 0:
        raise _failure(done, key)
    return _one_line(done.out, key)


def make_key(path: Path, *, comment: str) -> None:
    """Make an Ed25519 key without passphrase in a file, and its public half beside it.

    Raises SigningError `key-exists` for a file that is there, or `key-not-made`.
    """
    if path.exists() or path.with_name(f"{path.name}.pub").exists():
        raise SigningError(
            "key-exists", f"there is a key file {path} already", hint="name another directory"
        )
    done = _keygen("-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path.absolute()))
    if done.status != 0:
        raise SigningError("key-not-made", f"ssh-keygen did not make {path}: {done.complaint}")


def _key_file(key: str, directory: Path) -> Path:
    if key.startswith(_LITERAL):
        path = directory / "key.pub"
        path.write_text(key.removeprefix("key::").strip() + "\n")
        return path
    try:
        path = Path(key).expanduser().absolute()
        there = path.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise SigningError(
            "key-unreadable",
            f"the key file {key} cannot be looked at: {error}",
            hint="name one that you may read with --key, by its whole path",
        ) from error
    if not there:
        raise SigningError(
            "key-missing",
            f"there is no key file {path}",
            hint="name one with --key, or make one: `ssh-keygen -t ed25519`",
        )
    return path


def _keygen(*arguments: str, stdin: bytes | None = None, interactive: bool = False) -> Result:
    program = shutil.which("ssh-keygen", path=search_path())
    if program is None:
        raise SigningError(
            "ssh-keygen-missing",
            "ssh-keygen was not found on the PATH",
            hint="install OpenSSH 8.2 or newer",
        )
    env = environment({"LC_ALL": "C"})
    if not interactive:
        env = {name: value for name, value in env.items() if name not in ("DISPLAY", "SSH_ASKPASS")}
        env["SSH_ASKPASS_REQUIRE"] = "never"
    try:
        return run(
            [program, *arguments],
            cwd=Path("/"),
            env=env,
            stdin=stdin,
            ok=range(-256, 256),
            timeout=TIMEOUT,
            terminal="shown" if interactive else "none",
        )
    except HistoryError as error:
        raise SigningError(
            "signing-timeout", f"ssh-keygen gave no answer within {TIMEOUT:g} seconds"
        ) from error


def _failure(done: Result, key: str) -> SigningError:
    said = done.err.decode("utf-8", "replace").lower()
    # Of a public key on its own ssh-keygen says, beside the point, that others may read it.
    public = key.startswith(_LITERAL) or key.endswith(".pub")
    for code, signs, message, hint in _REASONS:
        if public and code == "key-permissions":
            continue
        if any(phrase.lower() in said for phrase in signs):
            return SigningError(code, message.format(key=key), hint=hint.format(key=key))
    return SigningError("signing-failed", f"ssh-keygen did not sign with {key}: {done.complaint}")


def _one_line(data: bytes, key: str) -> str:
    words = 2
    lines = data.decode("utf-8", "replace").strip().splitlines()
    if len(lines) != 1 or len(lines[0].split()) < words:
        raise SigningError("key-missing", f"{key} does not hold one public key line")
    return lines[0].strip()
