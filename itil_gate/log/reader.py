"""Read entries of the log and believe them: each is proved under a signed checkpoint.

For gates that need a few entries, mostly the newest. Every entry read is held against its leaf, the
leaf against the signed root, and the envelope against the keys that are good at its position. An
entry whose key is not good there is handed out as not believed: one bad entry must not stop the
gate, and must not be counted either. Revocations of the pinned keys are looked up before anything
else is believed. `verify` looks at the whole log and at what it means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.log.checkpoint import PATH, open_checkpoint
from itil_gate.log.entry import (
    entry_path,
    ids_path,
    parse_entry,
    parse_index,
    parse_leaf,
    payload_of,
    revocation_key,
)
from itil_gate.log.entry import event_id as id_of
from itil_gate.log.entry import leaf as leaf_of
from itil_gate.log.extract import extract
from itil_gate.log.merkle import inclusion_proof, leaf_hash, verify_inclusion
from itil_gate.log.pins import note_keys, revoke, signed_well
from itil_gate.log.proof import consistency
from itil_gate.log.structure import Watched, verify_structure
from itil_gate.log.tiles import WIDTH, TileReader, read_bundle
from itil_gate.log.verdict import Check
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.signing import dsse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from itil_gate.log.checkpoint import Checkpoint, Opened
    from itil_gate.log.entry import Leaf
    from itil_gate.log.pins import Pin

    ReadMany = Callable[[Iterable[str]], Mapping[str, bytes | None]]
    Holding = Callable[[str, bytes], bool]
    """Whether an entry of a kind, by the bytes of its statement, may be what is looked for."""

CHUNK = 64
REVOCATION = "key-revocation"
EXPUNGED = "expunged"
USUAL_NAME = "/audit-log"
"""How the name of a log ends whose beginning is the name of its repository."""


@frozen
class Entry:
    """An entry that the signed tree holds.

    `statement` is None where the file is gone; then `expunged_by` is the believed entry that says
    so. Where none does it is None, and the entry is handed out only to whoever asks for what is
    lost. `believed` says whether a recorder's key that is good at this position signed it.
    """

    index: int
    kind: str
    sha256: str
    statement: Mapping[str, Any] | None
    signers: frozenset[str]
    believed: bool
    expunged_by: int | None = None

    @property
    def predicate(self) -> Mapping[str, Any]:
        """The predicate of the statement; empty where it was expunged."""
        found: Mapping[str, Any] = (self.statement or {}).get("predicate", {})
        return found


@frozen
class Scanned:
    """How far a log was looked through for revocations of keys, and where they stand."""

    checkpoint: Checkpoint
    revocations: tuple[int, ...]


class LogReader:
    """Entries of one log at one tip, proved under its checkpoint."""

    def __init__(
        self,
        read_many: ReadMany,
        *,
        pins: Sequence[Pin],
        origin: str,
        repository: str | None = None,
        scanned: Scanned | None = None,
        scan: bool = True,
    ) -> None:
        """Open the log of a repository; by default the one that its name begins with.

        Where several keys are pinned, one may be revoked, and whoever holds it could take away
        what says where that stands: so the whole tree is looked through, from where `scanned` got
        to if the log extends that. Only who is about to write to the log leaves that out (`scan`):
        whoever reads looks again.

        Raises LogError as `open_checkpoint` does, `checkpoint-unsigned` where the key that signed
        it is not good for its size or was revoked before it, or `log-not-opened`.
        """
        self._read_many = read_many
        self._repository = origin.removesuffix(USUAL_NAME) if repository is None else repository
        self._cache: dict[str, bytes | None] = dict(
            read_many([PATH, *revocation_paths(pins, self._repository)])
        )
        data = self._read(PATH)
        if data is None:
            raise LogError(
                "log-not-opened",
                "there is no audit log here",
                hint="open one with `itil-gate log init`, or `git fetch origin audit-log`",
            )
        self.note = data
        self.opened: Opened = open_checkpoint(data, note_keys(pins, origin=origin), origin=origin)
        self.checkpoint: Checkpoint = self.opened.checkpoint
        self.pins = tuple(pins)
        self._nodes = TileReader(self.checkpoint.size, self._read)
        self._bundles: dict[int, list[Leaf]] = {}
        self.scanned = self._scan(scanned) if scan and _revocable(pins) else None
        for entry in self.entries(self._revocations()):
            if entry.statement is None:
                raise LogError(
                    "entry-missing",
                    f"entry {entry.index} revokes a key, and its file is gone",
                    hint="restore the branch from a copy; a revocation is never expunged",
                )
            if entry.believed and entry.kind == REVOCATION:
                self._revoke(entry)
        if not signed_well(self.pins, self.opened.signed, size=self.checkpoint.size):
            raise LogError(
                "checkpoint-unsigned",
                f"the key that signed the log at {self.checkpoint.size} entries is not good for it",
                hint="compare since and until of the keys in itil-gate.yaml, and what the log "
                "revokes",
            )

    def under(self, pins: Iterable[Pin]) -> LogReader:
        """Return the log as it is believed under the recorder's keys among these.

        Its head is believed under the keys that it is believed under here.
        """
        heads = (pin for pin in self.pins if pin.use == "checkpoint")
        reader = LogReader(
            self._read_many,
            pins=(*(pin for pin in pins if pin.use == "recorder"), *heads),
            origin=self.checkpoint.origin,
            repository=self._repository,
            scanned=self.scanned,
        )
        self.scanned = self.scanned or reader.scanned
        return reader

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self.checkpoint.size

    def entry(self, index: int, *, lost: bool = False) -> Entry:
        """Return one entry; see `entries`. Raises LogError `no-such-entry` too."""
        if not 0 <= index < self.size:
            raise LogError(
                "no-such-entry",
                f"the log has {self.size} entries, and none is number {index}",
                hint="they are numbered from 0; `itil-gate log show` lists the newest",
            )
        return next(self.entries([index], lost=lost))

    def entries(
        self, indices: Sequence[int], *, lost: bool = False, holding: Holding | None = None
    ) -> Iterator[Entry]:
        """Yield entries in the order asked; their files are read at once.

        Those that are not `holding` what is looked for are left out; their signatures are not
        verified, but their bytes are those that the log wrote.

        Whoever may write to the branch can take a file away, and nothing that follows from an
        entry may fall with it: so one that no believed entry says was expunged is refused, unless
        `lost` asks for such entries, to show or to account for them. Raises LogError
        `entry-missing`, `log-damaged`, `entry-malformed`.
        """
        files = self._read_many([entry_path(index) for index in indices])
        for index in indices:
            file = files[entry_path(index)]
            if holding is not None and file is not None and not self._holds(index, file, holding):
                continue
            entry = self._entry(index, file)
            if entry.statement is None and entry.expunged_by is None and not lost:
                raise _missing(index, entry.kind)
            yield entry

    def signers(self, index: int, keys: Mapping[str, bytes]) -> frozenset[str]:
        """Return the names of those of the keys that signed an entry, wherever they are good.

        None has signed one whose file is gone. Raises LogError as `entries` does.
        """
        path = entry_path(index)
        file = self._read_many([path])[path]
        if file is None:
            return frozenset()
        leaf = self._leaf(index)
        if leaf_of(leaf.kind, file) != leaf:
            raise _altered(path)
        return dsse.verify(parse_entry(file, path=path)[0], keys)

    def backwards(
        self,
        *,
        stop: int = 0,
        kinds: Collection[str] | None = None,
        lost: bool = False,
        holding: Holding | None = None,
    ) -> Iterator[Entry]:
        """Yield entries, of these kinds or of all, from the newest to number `stop`; see `entries`.

        Revocations met on the way count for everything before them. What is of other kinds is not
        read, but for revocations.
        """
        wanted = None if kinds is None else {*kinds, REVOCATION}
        for high in range(self.size, stop, -CHUNK):
            some = [
                index
                for index in range(high - 1, max(stop, high - CHUNK) - 1, -1)
                if wanted is None or self._leaf(index).kind in wanted
            ]
            for entry in self.entries(some, lost=lost, holding=holding):
                if kinds is None or entry.kind in kinds:
                    yield entry
                if entry.kind == REVOCATION and entry.believed:
                    self._revoke(entry)

    def find(self, repository: str, kind: str, key: str | tuple[str, ...]) -> int | None:
        """Return the index of an event; None if the log has none.

        The file that names it is no part of the tree, so the entry has to be of that event as far
        as entries of its kind say so; one that was expunged has to be of that kind. Raises LogError
        `log-damaged` where it is not, and `entry-missing`.
        """
        event = id_of(repository, kind, key)
        path = ids_path(event)
        data = self._read(path)
        if data is None:
            return None
        index = parse_index(data, path=path)
        if not self._is_of(event, kind, index):
            raise LogError(
                "log-damaged",
                f"{path} names entry {index}, which is not the {kind} that it stands for",
                hint="somebody wrote to the branch past the log: find out who, and put the branch "
                "back as it was",
            )
        return index

    def _is_of(self, event: str, kind: str, index: int) -> bool:
        """Tell whether an entry is of an event, as far as it says which it is of."""
        if index >= self.size or (leaf := self._leaf(index)).kind != kind:
            return False
        file = self._read_many([entry_path(index)])[entry_path(index)]
        if file is None:
            # What says that another was expunged is kept, so this ends.
            gone = kind != EXPUNGED and self._expunger(index, leaf) is not None
            if not gone:
                raise _missing(index, kind)
            return True
        said = extract(index, leaf, file, keys={})
        if said.altered:
            raise _altered(entry_path(index))
        return not said.named or said.event == event

    def _revocations(self) -> list[int]:
        """Return where pinned keys are revoked, the newest first: what it revokes has no say."""
        found = set(self.scanned.revocations if self.scanned else ())
        for fingerprint in dict.fromkeys(pin.fingerprint for pin in self.pins):
            last: int | None = None
            named: set[int] = set()
            while True:
                last = self.find(self._repository, REVOCATION, revocation_key(fingerprint, last))
                if last is None or last in named:
                    break
                named.add(last)
            found |= named
        return sorted(found, reverse=True)

    def _scan(self, scanned: Scanned | None) -> Scanned:
        """Look through the kinds of all entries, held against the root, for revocations."""
        start, places = 0, [*(scanned.revocations if scanned else ())]
        if scanned is not None and self._extends(scanned.checkpoint):
            start = scanned.checkpoint.size
        else:
            places = []
        check = Check("tree", "entries")
        verify_structure(
            self._read_many,
            self.checkpoint,
            check,
            start=start,
            watched=Watched({REVOCATION: places}),
        )
        for fault in check.verdict().faults:
            raise LogError("log-damaged", f"{fault.place}: {fault.message}")
        return Scanned(self.checkpoint, tuple(sorted({*places})))

    def _extends(self, old: Checkpoint) -> bool:
        try:
            consistency(old, self.checkpoint, self._read)
        except LogError as error:
            if error.code != "log-inconsistent":
                raise
            return False
        return True

    def _expunger(self, index: int, leaf: Leaf) -> int | None:
        """Return the believed entry that says that another was expunged."""
        by = self.find(self._repository, EXPUNGED, str(index))
        if by is None or not index < by < self.size:
            return None
        entry = self.entry(by, lost=True)
        said = (entry.kind, entry.predicate.get("entry"), entry.predicate.get("sha256"))
        return by if entry.believed and said == (EXPUNGED, index, leaf.sha256) else None

    def _revoke(self, entry: Entry) -> None:
        key, since = entry.predicate.get("key"), entry.predicate.get("since")
        if isinstance(key, str) and isinstance(since, int) and key not in entry.signers:
            self.pins = revoke(self.pins, key, since=since)

    def _entry(self, index: int, file: bytes | None) -> Entry:
        leaf = self._leaf(index)
        if file is None:
            by = self._expunger(index, leaf)
            nobody: frozenset[str] = frozenset()
            return Entry(
                index, leaf.kind, leaf.sha256, None, nobody, believed=False, expunged_by=by
            )
        path = entry_path(index)
        if leaf_of(leaf.kind, file) != leaf:
            raise _altered(path)
        envelope, statement = parse_entry(file, path=path)
        good = {
            pin.fingerprint: pin.public
            for pin in self.pins
            if pin.use == "recorder" and pin.good_at(index)
        }
        signers = dsse.verify(envelope, good)
        return Entry(index, leaf.kind, leaf.sha256, statement, signers, believed=bool(signers))

    def _holds(self, index: int, file: bytes, holding: Holding) -> bool:
        """Tell whether an entry is of interest; whatever revokes a key always is."""
        leaf = self._leaf(index)
        if leaf_of(leaf.kind, file) != leaf:
            raise _altered(entry_path(index))
        if leaf.kind == REVOCATION or (payload := payload_of(file)) is None:
            return True  # what is no entry is told of where it is read
        return holding(leaf.kind, payload)

    def _leaf(self, index: int) -> Leaf:
        """Return a leaf that the signed root leads to; a whole bundle is proved at once."""
        at, offset = divmod(index, WIDTH)
        if at not in self._bundles:
            leaves = read_bundle(at, size=self.size, read=self._read)
            first = at * WIDTH
            hashes = list(map(leaf_hash, leaves))
            # The proof of the first leaf is made of the hashes of all others in its tile.
            proved = verify_inclusion(
                hashes[0],
                index=first,
                size=self.size,
                proof=inclusion_proof(first, size=self.size, node=self._nodes),
                root=self.checkpoint.root,
            )
            if not proved or any(
                self._nodes(0, number) != one for number, one in enumerate(hashes, first)
            ):
                raise LogError(
                    "log-damaged", f"bundle {at} of the log does not lead to the signed root"
                )
            self._bundles[at] = list(map(parse_leaf, leaves))
        return self._bundles[at][offset]

    def _read(self, path: str) -> bytes | None:
        if path not in self._cache:
            self._cache |= self._read_many([path])
        return self._cache[path]


def _revocable(pins: Sequence[Pin]) -> bool:
    """Tell whether any pinned key can have been revoked by others that are pinned.

    A key does not revoke itself, and the tree that holds what revokes a key of trees is signed by
    another one; so where there is but one of each nobody can.
    """
    uses: dict[str, set[str]] = {}
    for pin in pins:
        uses.setdefault(pin.use, set()).add(pin.fingerprint)
    return any(len(keys) > 1 for keys in uses.values())


def _missing(index: int, kind: str) -> LogError:
    return LogError(
        "entry-missing",
        f"the file {entry_path(index)} of entry {index} ({kind}) is gone from the log, and no "
        "entry says that it was expunged",
        hint="`git fetch origin audit-log`; if it is gone there too, put the file back from an "
        "older commit of the branch: its digest is proved",
    )


def _altered(path: str) -> LogError:
    return LogError("log-damaged", f"{path} is not what the log wrote: its digest is another")


def revocation_paths(pins: Iterable[Pin], repository: str) -> list[str]:
    """Return the files that say whether pinned keys are revoked, to read them in one batch."""
    return [
        ids_path(id_of(repository, REVOCATION, revocation_key(fingerprint)))
        for fingerprint in dict.fromkeys(pin.fingerprint for pin in pins)
    ]
