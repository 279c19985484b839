"""A bare view of a repository: its objects and refs, and nothing else it says.

The view is a temporary git directory of our own. Objects come through alternates, refs through
symbolic links. The repository's configuration, attributes, grafts, replace refs, hooks,
commit-graph and work tree are never read, and nothing is ever written to it: what git computes
here (the tree of a trial merge) stays in the view and goes with it.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from itil_gate.git.objects import LIMIT, GitObject, ObjectReader, hash_object
from itil_gate.git.run import TIMEOUT, Result, find_git, git_program, hardened, refuse_old_git, run
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from itil_gate.git.discover import Repository

_CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tbare = true
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\thooksPath = /dev/null
\tfsmonitor = false
\tcommitGraph = false
{settings}[gc]
\tauto = 0
[maintenance]
\tauto = false
[protocol]
\tallow = never
{extensions}"""

_MISSING = re.compile(
    r"bad object|(?:unable to|could not|cannot|failed to) (?:read|find|parse) (?:tree|blob|commit)?"
    r"|missing (?:blob|object)|not a valid (?:object|commit)|bad tree object",
    re.IGNORECASE,
)
_ERROR = re.compile(rb"^(?:error|fatal): ", re.MULTILINE)
_NOT_COMMIT = re.compile(r"is a (?:tree|blob|tag), not a commit|not a valid 'commit' object")


@dataclass(frozen=True, slots=True)
class View:
    """A repository seen through our own git directory; made by `open_view`."""

    repository: Repository
    directory: Path
    algorithm: str
    shallow: frozenset[str]
    reader: ObjectReader
    env: Mapping[str, str]
    refs: dict[str, str | None] | None = field(default=None, compare=False)
    """What each ref held when it was first asked for: a view to judge by answers once about a ref.

    None where refs are written as well, and must be looked up each time.
    """
    copies: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """Tips of a branch here and in every remote, by its full name, if `look_up` asked for them."""

    @property
    def empty_tree(self) -> str:
        """The id of the tree without entries, which every git knows."""
        return hash_object("tree", b"", algorithm=self.algorithm)

    def read(self, oid: str, *, limit: int = LIMIT) -> GitObject:
        """Return one object by its full id; see `ObjectReader.read_many` for the errors."""
        return next(self.reader.read_many([oid], limit=limit))

    def read_many(self, oids: Iterable[str], *, limit: int = LIMIT) -> Iterator[GitObject]:
        """Yield objects in the order asked."""
        return self.reader.read_many(oids, limit=limit)

    def git(
        self,
        *arguments: str | bytes,
        stdin: bytes | None = None,
        ok: Collection[int] = (0,),
        timeout: float = TIMEOUT,
        env: Mapping[str, str] | None = None,
        strict: bool = True,
    ) -> Result:
        """Run a git command in the view.

        What git reports as an error is one, whatever its status: merge-tree of git 2.39 says
        that it could not read a tree and then succeeds with an empty one. Only with `strict` off
        is the status all that counts. Raises HistoryError `object-missing`, `not-a-commit` or
        `unrelated-histories` where that is what git says, else `git-failed` or `git-timeout`.
        """
        command: Sequence[str | bytes] = [find_git(), *arguments]
        result = run(
            command,
            cwd=self.directory,
            env=dict(self.env) | dict(env or {}),
            stdin=stdin,
            ok=range(-256, 256),
            timeout=timeout,
        )
        if result.status in ok and not (strict and _ERROR.search(result.err)):
            return result
        raise self.failure(str(arguments[0]), result)

    def failure(self, name: str, result: Result) -> HistoryError:
        """Return the error for a git command that went wrong.

        Raises GateError `git-too-old` where that is why.
        """
        refuse_old_git(find_git())
        if _NOT_COMMIT.search(result.complaint):
            return HistoryError("not-a-commit", f"`git {name}` was given what is no commit")
        if _MISSING.search(result.complaint):
            return HistoryError(
                "object-missing",
                f"`git {name}` needs an object that is not in this repository: {result.complaint}",
                hint=missing_hint(self.repository, bool(self.shallow)).format(oid="<commit>"),
            )
        # Last, since git also says so when it could not read the commits that relate them.
        if b"unrelated histories" in result.err:
            return HistoryError("unrelated-histories", "the two share no commit")
        return HistoryError(
            "git-failed", f"`git {name}` ended with status {result.status}: {result.complaint}"
        )


@contextmanager
def open_view(
    repository: Repository, *, quarantine: Mapping[str, str] | None = None
) -> Iterator[View]:
    """Open a view for as long as the `with` block runs.

    `quarantine` holds the variables that a pre-receive hook was given (`run.QUARANTINE`), so that
    objects pushed but not yet accepted can be seen. Raises GateError `reftable` for a repository
    whose refs are kept in a way this gate cannot read.
    """
    algorithm = read_format(repository).get("objectformat", "sha1")
    shallow = _read_or_nothing(repository.common_dir / "shallow")
    with tempfile.TemporaryDirectory(prefix="itil-gate-") as name:
        directory = Path(name).resolve()
        stores = [*_quarantined(quarantine or {}), repository.common_dir / "objects"]
        furnish(directory, repository, algorithm=algorithm)
        (directory / "objects" / "info").mkdir(parents=True)
        (directory / "objects" / "info" / "alternates").write_bytes(
            b"".join(_quoted(bytes(store.resolve())) + b"\n" for store in stores)
        )
        if shallow:
            (directory / "shallow").write_bytes(shallow)
        env = hardened({"GIT_DIR": str(directory)})
        boundary = frozenset(shallow.decode("ascii", "replace").split())
        reader = ObjectReader(
            directory,
            env,
            algorithm=algorithm,
            missing_hint=missing_hint(repository, bool(boundary)),
        )
        try:
            yield View(repository, directory, algorithm, boundary, reader, env, refs={})
        finally:
            reader.close()


def missing_hint(repository: Repository, shallow: bool) -> str:  # noqa: FBT001 - a plain fact
    """Return the command that gets objects which this clone left out; `{oid}` names one."""
    packs = repository.common_dir / "objects" / "pack"
    if any(packs.glob("*.promisor")):
        return "this is a partial clone: `git fetch --refetch --no-filter origin` completes it"
    if shallow:
        return "this is a shallow clone: `git fetch --unshallow origin` completes it"
    return "`git fetch origin {oid}` gets it, if the remote still has it"


def read_format(repository: Repository) -> dict[str, str]:
    """Return how the repository stores things, which is all we take from its configuration.

    Those are `extensions.*`, without which its objects cannot be read, and
    `core.sharedrepository`, without which what is written cannot be read by others. Includes are
    not followed. Raises GateError `reftable` or `unknown-object-format`.
    """
    config = repository.common_dir / "config"
    found: dict[str, str] = {}
    if re.search(rb"extensions|sharedrepository", _read_or_nothing(config), re.IGNORECASE):
        asked = ("config", "--no-includes", "-z", "--file", str(config), "--get-regexp")
        listed = run(
            [git_program(), *asked, r"^(extensions\.|core\.sharedrepository$)"],
            cwd=repository.common_dir,
            env=hardened({"GIT_DIR": "/dev/null"}),
            ok=(0, 1),
        )
        for item in listed.out.decode("utf-8", "backslashreplace").split("\0"):
            key, _, value = item.partition("\n")
            found[key.rpartition(".")[2]] = value.lower()
    if found.get("refstorage", "files") != "files" or (repository.common_dir / "reftable").exists():
        raise GateError(
            "reftable",
            f"{repository.common_dir} keeps its refs in a reftable, which this gate cannot read",
            hint="`git refs migrate --ref-format=files` converts it",
        )
    if found.get("objectformat", "sha1") not in ("sha1", "sha256"):
        raise GateError(
            "unknown-object-format",
            f"{repository.common_dir} names its objects by {found['objectformat']!r}",
        )
    return found


def furnish(directory: Path, repository: Repository, *, algorithm: str, settings: str = "") -> None:
    """Lay out a git directory whose refs are the repository's and whose HEAD is unborn.

    `settings` are lines for the `[core]` section of its configuration.
    """
    sha256 = algorithm == "sha256"
    extensions = "[extensions]\n\tobjectFormat = sha256\n" if sha256 else ""
    (directory / "config").write_text(
        _CONFIG.format(version=int(sha256), settings=settings, extensions=extensions)
    )
    # Newer git reads attributes from the tree of HEAD in a bare repository: there must be none.
    (directory / "HEAD").write_text("ref: refs/itil-gate/no-such-ref\n")
    (directory / "refs").symlink_to(repository.common_dir / "refs")
    (directory / "packed-refs").symlink_to(repository.common_dir / "packed-refs")


def _quarantined(variables: Mapping[str, str]) -> list[Path]:
    """Return the object directories named, but for what git quoted: the repository's own."""
    named = [
        variables.get("GIT_OBJECT_DIRECTORY", ""),
        *variables.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", "").split(":"),
    ]
    return [Path(name) for name in named if name and not name.startswith('"')]


def _quoted(path: bytes) -> bytes:
    """Quote a path for the alternates file, the way git unquotes C strings."""
    plain = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\')
    return b'"%s"' % b"".join(bytes([c]) if c in plain else b"\\%03o" % c for c in path)


def _read_or_nothing(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
