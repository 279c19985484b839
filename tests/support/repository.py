"""Real repositories and real keys for tests: small, quick, and deaf to the user's configuration.

Dates are fixed: each commit is a minute after the one before, from 2026-01-05T09:00Z. Give `when`
(seconds since 1970) to set one.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import subprocess
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from itil_gate.model.errors import SigningError
from itil_gate.signing.ed25519 import KeySigner, armored

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

Who = tuple[str, str]

ALICE: Who = ("Alice Adler", "alice@example.com")
BOB: Who = ("Bob Baker", "bob@example.com")
CAROL: Who = ("Carol Clark", "carol@example.com")
DAVE: Who = ("Dave Drew", "dave@example.com")
ERIN: Who = ("Erin Ellis", "erin@example.com")
EVERYBODY = {"alice": ALICE, "bob": BOB, "carol": CAROL, "dave": DAVE, "erin": ERIN}

_ROLES = ("AUTHOR", "COMMITTER")
_UNDER_WAY = (
    *("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "SQUASH_MSG", "rebase-merge"),
    *("rebase-apply", "hooks", "packed-refs", "commondir"),
)
"""Where one of these is, git itself commits."""
_PLAIN_PERSON = re.compile(r"[A-Za-z0-9]+(?:[ .@-][A-Za-z0-9]+)*")
_PLAIN_CONFIG = re.compile(
    r"(?i:(?:\[(?:core|user|(?:remote|branch) \"[^\"\n]*\")\]\n)"
    r"|\t(?:repositoryFormatVersion = 0|filemode = true|bare = false"
    r"|(?:name|email|url|fetch|remote|merge) = .*)\n)+"
)
_BRANCH = re.compile("[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_ID = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
START = 1_767_603_600  # 2026-01-05T09:00:00Z

_SETTINGS = {
    "user.name": "Nobody",
    "user.email": "nobody@example.com",
    "user.useConfigOnly": "true",
    "commit.gpgSign": "false",
    "gpg.format": "ssh",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "core.fsync": "none",
    "init.defaultBranch": "main",
    "advice.detachedHead": "false",
    "protocol.file.allow": "always",
    "merge.stat": "false",
}


def isolated(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which git sees only these settings and the repository's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    settings = {"GIT_CONFIG_COUNT": str(len(_SETTINGS))}
    for number, (key, value) in enumerate(_SETTINGS.items()):
        settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    own = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
        "LC_ALL": "C",
        "TZ": "UTC",
    }
    return kept | own | settings | dict(extra or {})


class Repo:
    """A repository in a directory; made there unless one exists.

    `bare` and `object_format` (`sha1`, `sha256`) only matter when it is made.
    """

    def __init__(
        self,
        path: Path,
        *,
        bare: bool = False,
        object_format: str = "sha1",
        branch: str = "main",
    ) -> None:
        self.path = path
        self.clock = START
        self.git_dir = path if bare else path / ".git"
        if self.git_dir.is_file():
            self.git_dir = path / self.git("rev-parse", "--absolute-git-dir")
        if not (self.git_dir / "HEAD").exists():
            self._make(bare=bare, sha256=object_format == "sha256", branch=branch)

    def git(
        self,
        *arguments: str | bytes | Path,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        ok: Collection[int] = (0,),
    ) -> str:
        """Run git here and return what it printed, without the last line end."""
        return self.raw(*arguments, stdin=stdin, env=env, ok=ok).decode("utf-8").rstrip("\n")

    def raw(
        self,
        *arguments: str | bytes | Path,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        ok: Collection[int] = (0,),
    ) -> bytes:
        """Run git here and return the bytes it printed."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=isolated(env),
            input=stdin if stdin is not None else b"",
            capture_output=True,
            check=False,
            timeout=120,
        )
        if done.returncode not in ok:
            said = done.stderr.decode("utf-8", "replace")
            raise AssertionError(f"git {arguments} ended with {done.returncode}: {said}")
        return done.stdout

    def write(self, path: str | bytes, content: str | bytes = "", *, mode: int = 0o644) -> Path:
        """Write a file of the work tree, with its directories; mode 0o120000 makes a link."""
        file = self.path / os.fsdecode(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        if file.is_symlink():
            file.unlink()
        if mode == 0o120000:
            file.unlink(missing_ok=True)
            file.symlink_to(os.fsdecode(data))
            return file
        file.write_bytes(data)
        file.chmod(mode)
        return file

    def remove(self, path: str | bytes) -> None:
        """Remove a file of the work tree."""
        (self.path / os.fsdecode(path)).unlink()

    def commit(
        self,
        message: str = "change",
        *,
        author: Who = ALICE,
        committer: Who | None = None,
        sign_with: Path | None = None,
        when: int | None = None,
        trailers: Iterable[str] = (),
        files: Mapping[str, str | bytes] | None = None,
    ) -> str:
        """Commit everything in the work tree, and `files` written first; return the id.

        The committer is the author unless given. Trailers are whole lines.
        """
        for path, content in (files or {}).items():
            self.write(path, content)
        self.git("add", "--all")
        lines = "\n".join(trailers)
        text = f"{message}\n\n{lines}\n" if lines else f"{message}\n"
        env = self._people(author, committer, when)
        if done := self._commit_plainly(text, env, sign_with):
            return done
        signing = ("-c", f"user.signingKey={sign_with}") if sign_with else ()
        self.git(
            *signing,
            *("commit", "--quiet", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim"),
            *(("--gpg-sign",) if sign_with else ()),
            *("--no-verify", "--file=-"),
            stdin=text.encode(),
            env=env,
        )
        return self.tip("HEAD")

    def commit_tree(
        self,
        tree: str,
        *parents: str,
        message: str | bytes = "change",
        author: Who = ALICE,
        committer: Who | None = None,
        when: int | None = None,
    ) -> str:
        """Make a commit of any tree and parents without touching a branch; return the id."""
        text = message.encode() if isinstance(message, str) else message
        options = [option for parent in parents for option in ("-p", parent)]
        env = self._people(author, committer, when)
        return self.git("commit-tree", *options, tree, stdin=text, env=env)

    def raw_object(self, kind: str, data: bytes) -> str:
        """Store any bytes as an object, well-formed or not; return the id."""
        return self.git("hash-object", "-w", "--literally", "-t", kind, "--stdin", stdin=data)

    def branch(self, name: str, at: str = "HEAD") -> None:
        """Make a branch, or move it."""
        self.git("update-ref", f"refs/heads/{name}", at)

    def checkout(self, name: str, *, create: bool = False, at: str | None = None) -> None:
        """Check out a branch or a commit; `create` makes the branch at `at` or here."""
        start = [at] if at else []
        self.git("checkout", "--quiet", *(["-B"] if create else []), name, *start)

    def merge(
        self,
        *names: str,
        message: str = "merge",
        author: Who = ALICE,
        committer: Who | None = None,
        when: int | None = None,
        sign_with: Path | None = None,
        strategy: Sequence[str] = (),
    ) -> str:
        """Merge into the branch checked out, never fast-forward; return the id."""
        signing = ("-c", f"user.signingKey={sign_with}") if sign_with else ()
        self.git(
            *signing,
            *("merge", "--quiet", "--no-ff", "--no-verify", "--message", message),
            *(("--gpg-sign",) if sign_with else ()),
            *strategy,
            *names,
            env=self._people(author, committer, when),
        )
        return self.tip("HEAD")

    def tip(self, ref: str = "HEAD") -> str:
        """Return the id of what a ref or other revision names."""
        return self._loose(ref) or self.git("rev-parse", "--verify", "--end-of-options", ref)

    def here(self) -> str:
        """Return the name of the branch checked out, HEAD where there is none."""
        head = (self.git_dir / "HEAD").read_text("utf-8").strip()
        return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else "HEAD"

    def tree(self, ref: str = "HEAD") -> str:
        """Return the id of the tree of a revision."""
        return self.tip(f"{ref}^{{tree}}")

    def clone(self, path: Path, *options: str) -> Repo:
        """Clone over the file protocol, as from another machine; return the clone."""
        self.git("clone", "--quiet", *options, f"file://{self.path}", path)
        return Repo(path, bare="--bare" in options or "--mirror" in options)

    def fast_import(self, stream: bytes) -> None:
        """Feed `git fast-import`."""
        self.raw("fast-import", "--quiet", "--force", "--date-format=raw-permissive", stdin=stream)

    def _make(self, *, bare: bool, sha256: bool, branch: str) -> None:
        for directory in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            (self.git_dir / directory).mkdir(parents=True)
        extensions = "[extensions]\n\tobjectFormat = sha256\n" if sha256 else ""
        (self.git_dir / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
        (self.git_dir / "config").write_text(
            f"[core]\n\trepositoryFormatVersion = {int(sha256)}\n\tfilemode = true\n"
            f"\tbare = {str(bare).lower()}\n{extensions}"
        )

    def _commit_plainly(self, text: str, env: Mapping[str, str], key: Path | None) -> str | None:
        """Commit the index as `git commit` would; None, and nothing done, where that is not plain.

        A test holds both against each other. It saves two programs of three, git and ssh-keygen.
        """
        head = (self.git_dir / "HEAD").read_text("utf-8").strip()
        ref, before = head.removeprefix("ref: "), self._loose("HEAD")
        people = [env[f"GIT_{who}_{what}"] for who in _ROLES for what in ("NAME", "EMAIL")]
        signer = _signer(key.read_bytes()) if key else None
        if (
            any((self.git_dir / name).exists() for name in _UNDER_WAY)
            or not all(map(_PLAIN_PERSON.fullmatch, people))
            or not _PLAIN_CONFIG.fullmatch((self.git_dir / "config").read_text("utf-8"))
            or not ref.startswith("refs/heads/")
            or (self.git_dir / ref).is_symlink()
            or (key is not None and signer is None)
            or "\0" in text
        ):
            return None
        lines = [f"tree {self.git('write-tree')}", *([f"parent {before}"] if before else [])]
        for who in _ROLES:
            name, email, date = (env[f"GIT_{who}_{what}"] for what in ("NAME", "EMAIL", "DATE"))
            lines.append(f"{who.lower()} {name} <{email}> {date.removeprefix('@')}")
        if signer is not None:
            plain = "\n".join([*lines, "", text])
            signature = armored(signer, plain.encode(), namespace="git").strip()
            lines.append("gpgsig " + signature.replace("\n", "\n "))
        data = "\n".join([*lines, "", text]).encode()
        stored = b"commit %d\0%s" % (len(data), data)
        oid = hashlib.sha1(stored, usedforsecurity=False).hexdigest()
        file = self.git_dir / "objects" / oid[:2] / oid[2:]
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(zlib.compress(stored, 1))
            file.chmod(0o444)
        (self.git_dir / ref).parent.mkdir(parents=True, exist_ok=True)
        (self.git_dir / ref).write_text(f"{oid}\n", "ascii")
        who = lines[2 if before is None else 3].removeprefix("committer ")
        said = f"commit{'' if before else ' (initial)'}: {text.partition(chr(10))[0]}"
        for name in ("HEAD", ref):
            log = self.git_dir / "logs" / name
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as past:
                past.write(f"{before or '0' * 40} {oid} {who}\t{said.rstrip()}\n")
        return oid

    def _loose(self, ref: str) -> str | None:
        """Return what git would, where a file holds it and nothing else has that name."""
        if ref == "HEAD":
            ref = (self.git_dir / "HEAD").read_text("utf-8").strip().removeprefix("ref: ")
        elif _BRANCH.fullmatch(ref) and not (self.git_dir / "packed-refs").exists():
            if any(os.path.lexists(self.git_dir / one / ref) for one in (".", "refs", "refs/tags")):
                return None
            ref = f"refs/heads/{ref}"
        if not ref.startswith("refs/heads/"):
            return ref if _ID.fullmatch(ref) else None
        try:
            held = (self.git_dir / ref).read_text("utf-8").strip()
        except OSError:
            return None
        return held if _ID.fullmatch(held) else None

    def _people(self, author: Who, committer: Who | None, when: int | None) -> dict[str, str]:
        name, email = committer or author
        if when is None:
            when, self.clock = self.clock, self.clock + 60
        date = f"@{when} +0000"
        return {
            "GIT_AUTHOR_NAME": author[0],
            "GIT_AUTHOR_EMAIL": author[1],
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": email,
            "GIT_COMMITTER_DATE": date,
        }


@functools.cache
def _signer(key: bytes) -> KeySigner | None:
    """Return an Ed25519 key that is not locked; None for any other."""
    try:
        return KeySigner.from_openssh(key)
    except SigningError:
        return None


@dataclass(frozen=True)
class Person:
    """Somebody with a key: `key` is the private key file, `public` the public key line."""

    id: str
    name: str
    email: str
    key: Path
    public: str
    fingerprint: str

    @property
    def who(self) -> Who:
        """Name and e-mail, as `Repo.commit` takes them."""
        return (self.name, self.email)


@dataclass(frozen=True)
class Keyring:
    """Alice, Bob, Carol, Dave and Erin, each with an Ed25519 key of their own."""

    alice: Person
    bob: Person
    carol: Person
    dave: Person
    erin: Person

    def everybody(self) -> tuple[Person, ...]:
        """Return all five."""
        return (self.alice, self.bob, self.carol, self.dave, self.erin)

    def people_yaml(
        self, roles: Mapping[str, Sequence[str]] | None = None, *, only: Sequence[str] | None = None
    ) -> str:
        """Return a people.yaml with all five, or `only` some, and who holds which role."""
        lines = ["apiVersion: itil-gate/v1", "kind: People", "persons:"]
        for number, person in enumerate(self.everybody(), 1001):
            if only is not None and person.id not in only:
                continue
            account = f"{{forge: github.com, login: {person.id}, id: {number}}}"
            lines += [
                f"  - id: {person.id}",
                f"    name: {person.name}",
                f"    emails: [{person.email}]",
                f"    accounts: [{account}]",
                f"    keys: ['{person.public}']",
            ]
        if roles:
            lines.append("roles:")
        for role, members in (roles or {}).items():
            lines.append(f"  - {{role: {role}, members: [{', '.join(members)}]}}")
        return "\n".join(lines) + "\n"


def make_person(directory: Path, name: str, *, kind: str = "ed25519") -> Person:
    """Make a key pair with ssh-keygen for one of EVERYBODY, or for a stranger of that name."""
    full, email = EVERYBODY.get(name, (f"{name.capitalize()} Stranger", f"{name}@example.com"))
    key = directory / f"id_{name}_{kind}"
    _keygen("-q", "-t", kind, "-N", "", "-C", email, "-f", str(key))
    public = key.with_name(f"{key.name}.pub")
    fingerprint = _keygen("-l", "-E", "sha256", "-f", str(public)).split(" ")[1]
    return Person(name, full, email, key, public.read_text("utf-8").strip(), fingerprint)


def make_keyring(directory: Path) -> Keyring:
    """Make the five of EVERYBODY; tests take the session-wide fixture `keyring` instead."""
    return Keyring(**{name: make_person(directory, name) for name in EVERYBODY})


def synthetic_stream(
    *, commits: int, requests: int, branch: str = "main", files: Mapping[str, str] | None = None
) -> bytes:
    """Return a `git fast-import` stream for a big repository, the same every time.

    The first commit holds `files` and `requests` request files under changes/2026/; each of
    `commits` later ones edits one of a thousand source files.
    """
    start = START - 60 * (commits + 1)
    out = [_commit_head(branch, start, "start")]
    for path, text in (files or {}).items():
        out.append(_inline(path, text))
    for number in range(requests):
        change = f"CHG-2026-{_crockford(number)}"
        out.append(_inline(f"changes/2026/{change}.yaml", request_text(change, number)))
    for number in range(commits):
        out.append(_commit_head(branch, start + 60 * (number + 1), f"edit {number}"))
        path = f"src/part{number % 40}/file{number % 1000}.txt"
        out.append(_inline(path, f"edit {number}\n"))
    out.append(b"done\n")
    return b"feature done\n" + b"".join(out)


def request_text(change: str, number: int = 0) -> str:
    """Return a plausible change request file; it is for size and shape, not for passing."""
    day = 1 + number % 28
    return (
        "apiVersion: itil-gate/v1\n"
        "kind: ChangeRequest\n"
        f"metadata: {{id: {change}, title: Synthetic change {number}, requester: alice}}\n"
        "spec:\n"
        "  type: normal\n"
        f"  services: [service-{number % 50}]\n"
        "  environments: [production]\n"
        "  implementer: alice\n"
        f"  scope: [src/part{number % 40}/**]\n"
        f'  window: {{start: "2026-03-{day:02}T22:00", end: "2026-03-{day:02}T23:00",'
        " timezone: Europe/Berlin}\n"
        "  reason: A synthetic request for measuring.\n"
        "  plans:\n"
        "    implementation: Apply the edit.\n"
        "    test: Run the tests.\n"
        "    backout: {steps: Revert the commit., tested: true, maxMinutes: 15, owner: bob}\n"
    )


def _commit_head(branch: str, when: int, message: str) -> bytes:
    return (
        f"commit refs/heads/{branch}\n"
        f"committer {ALICE[0]} <{ALICE[1]}> {when} +0000\n"
        f"data {len(message)}\n{message}\n"
    ).encode()


def _inline(path: str, text: str) -> bytes:
    data = text.encode()
    return b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data)


def _crockford(number: int) -> str:
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "".join(digits[(number * 2_654_435_761 >> 5 * place) % 32] for place in range(8))


def _keygen(*arguments: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=30,
    )
    return done.stdout.decode("utf-8")
