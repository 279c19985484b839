"""A store of our own for the audit log of a remote, so that the user's clone stays as it is.

The log grows without end and an append needs a dozen of its files, so the tip is fetched without
history (`--depth=1`) and without what lies deep (`--filter=tree:2`); what is needed below comes by
object id, all of a level at once. That would make a repository shallow and partial: hence a bare
one of our own below the git directory, or a temporary one where nothing can be written there. It
holds nothing that the remote does not; it is thrown away when it is damaged or has grown.

How to reach the remote is the caller's business: their configuration is read where they wrote it
and handed on through variables, so that no secret is written down.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from itil_gate.git.discover import Repository
from itil_gate.git.exclusive import exclusive
from itil_gate.git.history import is_ancestor
from itil_gate.git.names import ref_tip
from itil_gate.git.objects import is_oid
from itil_gate.git.reach import NAME, reaching
from itil_gate.git.refs import move_ref, open_store
from itil_gate.git.release_tags import RELEASE_TAGS, tag_exists, tags_below
from itil_gate.git.remote import TIMEOUT, exchange, fetch, taken
from itil_gate.git.view import read_format
from itil_gate.model.errors import GateError, HistoryError
from itil_gate.model.record import AUDIT_BRANCH

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from itil_gate.git.release_tags import SeenTag
    from itil_gate.git.run import Result

FILTERS = ("--filter=tree:2", "--filter=tree:0", "--filter=blob:none", "--no-filter")
"""What is left out of the first fetch, from most to least; servers allow some of them."""
MOST_PACKS = 80
"""Every fetch leaves a pack; above so many the store is begun anew."""
_TIP = "refs/itil-gate/tip"
_TAGS = "refs/itil-gate/release/"
_PLAIN = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
_NO_BRANCH = "couldn't find remote ref"
_NOT_SERVED = re.compile(
    r"not our ref|unadvertised object|not found in|no such remote ref", re.IGNORECASE
)
_UNREACHABLE = re.compile(
    r"does not appear to be a git repository|Could not read from remote|Authentication failed"
    r"|could not read Username|Permission denied|Repository not found|unable to access"
)
_PROGRESS = re.compile(r"(?m)^(?:Enumerating|Counting|Compressing|Writing|Delta|Total|remote:).*$")
_WRITTEN = re.compile(r"Writing objects: 100% .*?, ([0-9.]+) (bytes|KiB|MiB|GiB)")
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tbare = true
\tlogAllRefUpdates = false
{extensions}[remote "{name}"]
\tpromisor = true
\tpartialclonefilter = tree:2
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""


class Moved(Exception):  # noqa: N818 - an event, not an error
    """The remote's branch moved while it was read, and what was read is no longer served."""


class LogStore:
    """A remote's audit log, as far as it was fetched; made by `open_log_store`."""

    def __init__(
        self, user: Repository, remote: str, directory: Path, *, timeout: float | None
    ) -> None:
        self.name = remote
        self.repository = Repository(git_dir=directory, common_dir=directory, work_tree=None)
        self.fetched = 0
        """Bytes of the packs that were fetched so far."""
        self.sent = 0
        """Bytes of the packs that were pushed so far, as git says them."""
        self._user = user
        self._timeout = timeout or TIMEOUT
        self._own = reaching(user, remote)
        self._filters: tuple[str, ...] = FILTERS
        self._fresh = _furnish(directory, user)

    def tip(self) -> str | None:
        """Fetch the remote's branch and return its tip; None if the remote has no such branch.

        What is here already is asked for first: a fetch makes the server look through the whole
        tree, also for nothing. Raises HistoryError `fetch-failed` or `git-timeout`.
        """
        held = None if self._fresh else self._held()
        if held is not None and held == self._there():
            return held
        while True:
            done = self._fetch("--depth=1", self._filters[0], "--end-of-options", NAME, _mirrored())
            if done.status == 0:
                self._fresh = False
                return self._held()
            if _NO_BRANCH in done.complaint:
                (self.repository.git_dir / _TIP).unlink(missing_ok=True)
                return None
            if "filter" in done.complaint and len(self._filters) > 1:
                self._filters = self._filters[1:]
            elif not self._fresh and not _UNREACHABLE.search(done.complaint):
                self._renew()
            else:
                raise _not_fetched(self.name, done)

    def supply(self, oids: Collection[str]) -> None:
        """Fetch objects by their ids, all at once; from a server that refuses, the whole tip.

        Raises Moved where the tip is then another one, HistoryError `fetch-failed`.
        """
        if self._filters[0] != FILTERS[-1]:
            level = FILTERS[2] if self._filters[0] == FILTERS[2] else FILTERS[1]
            done = self._fetch(
                *(level, "--stdin", "--end-of-options", NAME),
                stdin="".join(f"{oid}\n" for oid in oids).encode(),
                settings=("-c", "fetch.negotiationAlgorithm=noop"),
            )
            if done.status == 0:
                return
            if not _NOT_SERVED.search(done.complaint):
                raise _not_fetched(self.name, done)
        self.complete()

    def complete(self) -> None:
        """Fetch all files of the tip, in one go; Moved is raised where the tip is another one."""
        before = self._held()
        self._filters = FILTERS[-1:]
        done = self._fetch(
            *("--refetch", "--depth=1", "--no-filter", "--end-of-options", NAME, _mirrored())
        )
        if done.status != 0:
            raise _not_fetched(self.name, done)
        if self._held() != before:
            raise Moved

    def push(self, commit: str, *, tag: tuple[str, str] | None = None) -> bool:
        """Push a commit to the remote's branch; False if somebody else was first.

        `tag` is the full ref and the object of a tag that arrives with it or not at all. Raises
        GateError `push-refused` where the remote declines, `tag-exists`, HistoryError
        `git-timeout`.
        """
        plain = ("--porcelain", "--progress", "--no-verify", "--no-follow-tags")
        orders = (*plain, "--recurse-submodules=no")
        refs = [f"{commit}:{AUDIT_BRANCH}"]
        if tag is None:
            done = self._git("push", *orders, "--end-of-options", NAME, *refs)
        else:
            refs.append(f"{tag[1]}:{tag[0]}")
            with self._with_users_objects() as more:
                done = self._git(
                    # What the remote has of the tagged commit's history is asked for first.
                    *("-c", "push.negotiate=true", "push", "--atomic", *orders),
                    *("--end-of-options", NAME, *refs),
                    more=more,
                )
            if re.search(rf"(?m)^!\t\S*:{re.escape(tag[0])}\t.*already exists", _text(done.out)):
                raise tag_exists(tag[0], where=f"on {self.name}")
        said = done.err.decode("utf-8", "replace").replace("\r", "\n")
        if (written := _WRITTEN.search(said)) is not None:
            self.sent += int(float(written[1]) * _UNITS[written[2]])
        told = "\n".join(line for line in _PROGRESS.sub("", said).splitlines() if line.strip())
        return taken(type(done)(done.status, done.out, told.encode()), self.name)

    def release_tags(self) -> tuple[SeenTag, ...]:
        """Fetch the remote's release tags, with the commits they are on and no more; return them.

        Raises HistoryError `fetch-failed` or `git-timeout`.
        """
        there = self._listed(f"{RELEASE_TAGS}*")
        wanted = {ref.removeprefix(RELEASE_TAGS): oid for ref, oid in there.items()}
        with open_store(self.repository) as store:
            held = tags_below(store, _TAGS)
        if {one.name.removeprefix("release/"): one.oid for one in held} == wanted:
            return held
        while wanted:  # git calls it an error to fetch nothing
            done = self._fetch(
                *("--prune", "--depth=1", self._filters[0], "--end-of-options", NAME),
                f"+{RELEASE_TAGS}*:{_TAGS}*",
            )
            if done.status == 0:
                break
            if "filter" in done.complaint and len(self._filters) > 1:
                self._filters = self._filters[1:]
            else:
                raise _not_fetched(self.name, done)
        with open_store(self.repository) as store:
            found = tags_below(store, _TAGS)
        return tuple(one for one in found if one.name.removeprefix("release/") in wanted)

    @contextmanager
    def _with_users_objects(self) -> Iterator[dict[str, str]]:
        """Give the variables by which git sees what the user's repository holds, for one push."""
        common = self._user.common_dir
        edges = [
            file.read_bytes()
            for file in (self.repository.git_dir / "shallow", common / "shallow")
            if file.is_file()
        ]
        with tempfile.TemporaryDirectory(prefix="itil-gate-") as name:
            more = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": _path_list(common / "objects")}
            if edges:
                shallow = Path(name).resolve() / "shallow"
                shallow.write_bytes(b"".join(edges))
                more["GIT_SHALLOW_FILE"] = str(shallow)
            yield more

    def confirmed(self, commit: str) -> str:
        """Ask the remote anew for its tip, and return it: our commit, or one that follows it.

        Raises HistoryError `push-lost` where the remote's branch does not hold the commit.
        """
        self._hold(commit)
        tip = self._there()
        if tip != commit and not (tip and self._follows(commit)):
            raise HistoryError(
                "push-lost",
                f"{self.name} took the push of {commit}, and {AUDIT_BRANCH} there is {tip}",
                hint="somebody may have rewritten the branch this moment; look at the remote",
            )
        return self._held() or commit

    def follow(self, repository: Repository, tip: str) -> None:
        """Let copies of the branch in the user's repository follow, where they can forward.

        Where there is none, none is made: the user asked for none. Nothing here is an error.
        """
        copy = f"refs/remotes/{self.name}/{AUDIT_BRANCH.removeprefix('refs/heads/')}"
        with suppress(GateError), open_store(repository) as store:
            held = ref_tip(store, AUDIT_BRANCH) if _is_name(self.name) else None
            tracked = ref_tip(store, copy) if _is_name(self.name) else None
            if tracked not in (None, tip):
                fetch(repository, self.name, [f"{AUDIT_BRANCH}:{copy}"], timeout=self._timeout)
            elif held not in (None, tip) and tracked is None:
                fetch(repository, self.name, [AUDIT_BRANCH], timeout=self._timeout)
            if held not in (None, tip) and is_ancestor(store, held, tip):
                move_ref(store, AUDIT_BRANCH, tip, old=held)

    def _there(self) -> str | None:
        """Ask the remote which tip its branch has, and fetch nothing."""
        return self._listed(AUDIT_BRANCH).get(AUDIT_BRANCH)

    def _listed(self, pattern: str) -> dict[str, str]:
        """Return the refs of the remote that match a pattern, with the objects they hold."""
        done = self._git("ls-remote", "--quiet", "--refs", "--end-of-options", NAME, pattern)
        if done.status != 0:
            raise _not_fetched(self.name, done)
        rows = (line.partition("\t") for line in _text(done.out).splitlines())
        return {ref: oid for oid, _, ref in rows if is_oid(oid)}

    def _follows(self, commit: str) -> bool:
        """Whether the remote's tip, fetched with what lies between, descends from a commit."""
        done = self._fetch(FILTERS[1], "--end-of-options", NAME, _mirrored())
        if done.status != 0:
            done = self._fetch(FILTERS[3], "--end-of-options", NAME, _mirrored())
        tip = self._held()
        asked = self._git("merge-base", "--is-ancestor", "--", commit, tip or commit)
        return done.status == 0 and asked.status == 0

    def _fetch(
        self, *arguments: str, stdin: bytes | None = None, settings: Sequence[str] = ()
    ) -> Result:
        before = self._packed()
        done = self._git(
            *(*settings, "fetch", *_PLAIN, "--no-recurse-submodules", *arguments), stdin=stdin
        )
        self.fetched += max(0, self._packed() - before)
        return done

    def _git(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Result:
        return exchange(
            self.repository.git_dir,
            arguments,
            cwd=self._user.work_tree or self._user.git_dir,
            own={**self._own, **(more or {})},
            timeout=self._timeout,
            stdin=stdin,
        )

    def _packed(self) -> int:
        packs = self.repository.git_dir / "objects" / "pack"
        return sum(
            entry.stat().st_size for entry in os.scandir(packs) if entry.name[-5:] == ".pack"
        )

    def _held(self) -> str | None:
        """Return the tip as it was last fetched or pushed."""
        try:
            tip = (self.repository.git_dir / _TIP).read_text("ascii").strip()
        except FileNotFoundError:
            return None
        return tip if is_oid(tip) else None

    def _hold(self, commit: str) -> None:
        beside = self.repository.git_dir / f"{_TIP}.new"
        beside.write_text(f"{commit}\n", "ascii")
        beside.replace(self.repository.git_dir / _TIP)

    def _renew(self) -> None:
        shutil.rmtree(self.repository.git_dir)
        self._fresh = _furnish(self.repository.git_dir, self._user)


@contextmanager
def open_log_store(
    repository: Repository, remote: str, *, timeout: float | None = None
) -> Iterator[LogStore]:
    """Open the store for a remote's audit log, for one process at a time.

    Who finds it taken for a minute, or cannot write below the git directory, works in a temporary
    one. Raises GateError `bad-name` for what is no remote.
    """
    home = repository.common_dir / "itil-gate"
    with ExitStack() as stack:
        place = home / "log.git"
        held = stack.enter_context(exclusive(home / "log.lock"))
        if not held or not _usable(place):
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="itil-gate-")))
            place = place.resolve() / "log.git"
        yield LogStore(repository, remote, place, timeout=timeout)


def _usable(place: Path) -> bool:
    """Whether the store's place can be written; what a killed process left there is cleared.

    Only asked while no other process of ours is at it, so every lock file is a forgotten one.
    """
    try:
        if (place / "objects" / "pack").is_dir():
            if sum(1 for _ in (place / "objects" / "pack").glob("*.pack")) > MOST_PACKS:
                shutil.rmtree(place)
            for lock in (*place.glob("*.lock"), *(place / "refs").rglob("*.lock")):
                lock.unlink()
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(place, os.W_OK)


def _furnish(directory: Path, user: Repository) -> bool:
    """Lay out a bare repository unless it is there; whether it had to be."""
    if (directory / "HEAD").is_file():
        return False
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/itil-gate"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    sha256 = read_format(user).get("objectformat") == "sha256"
    extensions = "[extensions]\n\tobjectFormat = sha256\n" if sha256 else ""
    text = _CONFIG.format(version=1, extensions=extensions, name=NAME)
    (directory / "config").write_text(text)
    # Last, since it tells that the rest is there.
    (directory / "HEAD").write_text("ref: refs/itil-gate/no-such-ref\n")
    return True


def _mirrored() -> str:
    return f"+{AUDIT_BRANCH}:{_TIP}"


def _path_list(directory: Path) -> str:
    """Return a directory as git reads it in a list that colons part, quoted as a C string."""
    plain = str(directory.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _is_name(remote: str) -> bool:
    """Whether a remote is one of the configuration, and not a URL or path."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", remote) is not None


def _not_fetched(remote: str, done: Result) -> HistoryError:
    return HistoryError(
        "fetch-failed",
        f"the audit log could not be fetched from {remote}: {' '.join(done.complaint.split())}",
        hint="`git fetch` by hand shows whether it can be reached and you may read it",
    )
