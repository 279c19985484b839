"""Whether the entries of a log make sense together: the rules that no hash or signature can see.

A release rests on a decision that let exactly it begin; an update of a branch begins where the one
before it ended and rests on a decision about the same content; what ends was begun, and ends once;
nothing claims to have been recorded before what precedes it. Only entries that are believed take
part, in their order; what they refer to has to stand before them.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from itil_gate.log.extract import Extract, path_of
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from itil_gate.log.pins import Pin
    from itil_gate.log.verdict import Check

BACKWARDS = 300.0
"""Seconds by which the clocks of two recorders may disagree."""
KEPT = 50_000
"""Entries that are kept in memory for those that refer to them; older ones are read again."""
_REFERRED = frozenset({"gate-decision", "ref-update", "release-record", "obligation"})
_WELL = {"authorised": "allow", "overridden": "overridden"}
_RELEASABLE = frozenset({*_WELL, "unchanged"})


@frozen
class Whose:
    """Whose log it is, as the configuration says."""

    repository: str
    origin: str
    pins: tuple[Pin, ...]


class Meaning:
    """The rules while the entries go by; `step` takes each in its order, then `end`."""

    def __init__(
        self,
        whose: Whose,
        check: Check,
        *,
        now: float,
        fetch: Callable[[int], Extract | None],
        last_update: Callable[[str], Extract | None],
    ) -> None:
        """Begin; `last_update` gives the last believed update of a ref.

        `fetch` gives an earlier entry that is believed, or whose content is not there: then it
        says nothing, and what refers to it is not judged by it.
        """
        self._whose = whose
        self._check = check
        self._now = now
        self._fetch = fetch
        self._last_update = last_update
        self._kept: dict[int, Extract] = {}
        self._ends: dict[str, str | None] = {}
        self._open: set[tuple[str, str, str]] = set()
        self._ended: dict[int, int] = {}
        self._latest: tuple[float, int] | None = None
        self._events = array("Q")
        self._places = array("Q")
        self._gap = False
        self.unknown = 0
        """Entries of kinds that this version does not know."""

    def begin(self, before: Extract | None) -> None:
        """Go on behind an entry that was verified before."""
        if before is not None and before.recorded is not None:
            self._latest = (before.recorded, before.index)

    def miss(self, one: Extract) -> None:
        """Pass an entry over whose content is not there: it may have been an update of any ref."""
        if one.kind == "ref-update":
            self._gap = True
            self._ends.clear()

    def step(self, one: Extract) -> None:
        """Judge the next entry, which is believed and well-formed."""
        self._check.looked += 1
        self._place(one)
        self._time(one)
        rule = _RULES.get(one.kind)
        if rule is not None:
            rule(self, one)
        elif one.kind not in _FREE:
            self.unknown += 1
        self._events.append(int(one.event[:16], 16))
        self._places.append(one.index)
        if one.kind in _REFERRED:
            self._kept[one.index] = one
            if len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]

    def end(self) -> None:
        """Say which events stand in the log twice."""
        events, places = self._events, self._places
        if len(set(events)) == len(events):
            return
        first: dict[int, int] = {}
        for event, place in zip(events, places, strict=True):
            if event in first:
                self._check.fault(
                    f"the same event is recorded before, as entry {first[event]}", index=place
                )
            else:
                first[event] = place

    def _fault(self, one: Extract, message: str) -> None:
        self._check.fault(message, index=one.index, path=path_of(one))

    def _place(self, one: Extract) -> None:
        if (one.index == 0) != (one.kind == "log-opened"):
            what = "the first entry does not open the log" if one.index == 0 else "it opens a log"
            self._fault(one, what)
        repository = one.said.get("repository", self._whose.repository)
        if repository != self._whose.repository:
            self._fault(one, f"it is about another repository, {str(repository)[:100]}")

    def _time(self, one: Extract) -> None:
        if one.recorded is None:
            return
        if one.recorded > self._now + BACKWARDS:
            self._fault(one, "it says that it was recorded in the future")
        if self._latest is not None and one.recorded < self._latest[0] - BACKWARDS:
            earlier = self._latest[0] - one.recorded
            self._fault(
                one,
                f"it says that it was recorded {earlier:.0f} seconds before entry "
                f"{self._latest[1]}, which stands before it",
            )
        elif self._latest is None or one.recorded > self._latest[0]:
            self._latest = (one.recorded, one.index)

    def _earlier(self, one: Extract, index: Any, kind: str) -> Extract | None:
        """Return the entry of a kind that another refers to; None if there is none before it.

        It says nothing where its content is gone or bad, which another check says.
        """
        if not isinstance(index, int) or not 0 <= index < one.index:
            return None
        found = self._kept.get(index) or self._fetch(index)
        return found if found is not None and found.kind == kind else None

    def _opened(self, one: Extract) -> None:
        if one.said["origin"] != self._whose.origin:
            self._fault(one, f"it opens another log, {one.said['origin'][:100]}")
        self._ends[one.said["target"]] = one.said["adopted"]

    def _update(self, one: Extract) -> None:
        said = one.said
        ref, before, after = said["ref"], said["before"], said["after"]
        if ref not in self._ends and not self._gap:
            last = self._last_update(ref)
            self._ends[ref] = last.said["after"] if last else None
        end = self._ends.get(ref)
        # A branch that is moved back once more goes on from its end, in the first time's words.
        again = said.get("correction") is not None or (
            (ref, before, after) in self._open and before != end
        )
        if end is not None and before != end and not again:
            self._fault(
                one, f"it begins at {before[:12]}, and the record of {ref} ends at {end[:12]}"
            )
        if not again:
            self._ends[ref] = after
        if said["standing"] == "unauthorised":
            self._open.add((ref, before, after))
        replaced = said.get("replaces")
        if replaced is not None and not 0 <= replaced < one.index:
            self._fault(one, f"it replaces entry {replaced}, which does not stand before it")
        self._authority(one)

    def _authority(self, one: Extract) -> None:
        """Hold an update against the decision that it rests on."""
        said = one.said
        wanted = _WELL.get(said["standing"])
        if wanted is None:
            if said.get("decision") is not None:
                self._fault(one, f"it is {said['standing']} and names a decision")
            return
        if said.get("correction") is not None:
            self._corrected(one, said["correction"])
            return
        decision = self._earlier(one, said.get("decision"), "gate-decision")
        if decision is None or decision.said.get("of", "merge") != "merge":
            self._fault(one, f"it is {said['standing']} by no decision that stands before it")
        elif not decision.said:
            return
        elif decision.said["outcome"] != wanted:
            self._fault(
                one,
                f"it is {said['standing']}, and the decision of entry {decision.index} is "
                f"{decision.said['outcome']}",
            )
        elif (said["ref"], said.get("content"), said.get("head")) != (
            decision.said["target"],
            decision.said["content"],
            decision.said["head"],
        ):
            self._fault(
                one, f"the decision of entry {decision.index} is about another branch or content"
            )

    def _corrected(self, one: Extract, index: int) -> None:
        """Hold an update that a correction stands in for against what was recorded of it before."""
        correction = self._earlier(one, index, "correction")
        about = correction.said.get("corrects") if correction is not None else None
        first = self._earlier(one, about, "ref-update")
        same = ("ref", "before", "after")
        if one.said["standing"] != "overridden" or first is None:
            self._fault(one, f"entry {index} is no correction of an update before it")
        elif first.said and (
            first.said["standing"] != "unauthorised"
            or any(first.said[name] != one.said[name] for name in same)
        ):
            self._fault(one, f"the correction of entry {index} is about another update")

    def _release(self, one: Extract) -> None:
        said = one.said
        decision = self._earlier(one, said["decision"], "gate-decision")
        if decision is None or decision.said.get("of", "deploy") != "deploy":
            self._fault(one, "no decision of the deploy gate stands before it")
            return
        if not decision.said:
            return
        if decision.said["outcome"] not in ("allow", "overridden"):
            self._fault(one, f"the decision of entry {decision.index} denies it")
        for name in ("nonce", "environment", "commit", "artifact"):
            if decision.said[name] != said[name]:
                self._fault(one, f"the decision of entry {decision.index} is about another {name}")
        bent = decision.said["outcome"] == "overridden"
        self._brought(one, bent=bent)
        previous = said.get("previous")
        if previous is not None:
            release = self._earlier(one, previous, "release-record")
            where = said["environment"]
            if release is None or release.said.get("environment", where) != where:
                self._fault(one, f"entry {previous} is no release in the same environment")
        if not bent and not _in_window(said):
            self._fault(one, "it began outside of its window")

    def _brought(self, one: Extract, *, bent: bool) -> None:
        for index in one.said.get("updates", ()):
            update = self._earlier(one, index, "ref-update")
            if update is None:
                self._fault(one, f"it brings the update of entry {index}, which is none")
            elif update.said and update.said["standing"] not in _RELEASABLE and not bent:
                self._fault(
                    one, f"it brings the update of entry {index}, which is "
                    f"{update.said['standing']}"
                )  # fmt: skip

    def _outcome(self, one: Extract) -> None:
        said = one.said
        release = self._earlier(one, said["release"], "release-record")
        if release is None:
            self._fault(one, f"entry {said['release']} is no release that stands before it")
        elif release.said and (release.said["nonce"], release.said["environment"]) != (
            said["nonce"],
            said["environment"],
        ):
            self._fault(one, f"entry {release.index} is another release")
        elif release.index in self._ended:
            ended = self._ended[release.index]
            self._fault(one, f"the release of entry {release.index} has ended with entry {ended}")
        self._ended.setdefault(said["release"], one.index)

    def _attested(self, one: Extract) -> None:
        said = one.said
        release = self._earlier(one, said["release"], "release-record")
        if release is None:
            self._fault(one, f"entry {said['release']} is no release that stands before it")
        elif release.said:
            for name in ("nonce", "artifact", "purl"):
                if release.said.get(name) != said[name]:
                    self._fault(one, f"the release of entry {release.index} has another {name}")

    def _met(self, one: Extract) -> None:
        owed = self._earlier(one, one.said["obligation"], "obligation")
        if owed is None or owed.said.get("id", one.said["id"]) != one.said["id"]:
            self._fault(one, f"entry {one.said['obligation']} is not the obligation it meets")

    def _owed(self, one: Extract) -> None:
        if not 0 <= one.said["source"] < one.index:
            self._fault(one, f"its source, entry {one.said['source']}, does not stand before it")

    def _beside(self, one: Extract) -> None:
        """Hold what is recorded beside an update against it."""
        update = self._earlier(one, one.said.get("update"), "ref-update")
        ends = {name: one.said[name] for name in ("ref", "before", "after") if name in one.said}
        if update is None:
            self._fault(one, "it names no update that stands before it")
        elif update.said and any(update.said[name] != end for name, end in ends.items()):
            self._fault(one, f"the update of entry {update.index} is another one")

    def _revocation(self, one: Extract) -> None:
        if one.said["key"] in one.keyids:
            self._fault(one, "a key revokes itself; another good key has to say so")

    def _rotation(self, one: Extract) -> None:
        said = one.said
        pinned = [
            pin
            for pin in self._whose.pins
            if pin.use == said["use"] and _names(said["new"], pin) and pin.good_at(said["since"])
        ]
        if not pinned:
            self._fault(
                one,
                f"it hands over to {said['new'][:100]}, which is not pinned as a {said['use']} "
                f"key for entry {said['since']}",
            )

    def _expunged(self, one: Extract) -> None:
        index = one.said["entry"]
        found = self._fetch(index) if 0 <= index < one.index else None
        if found is None or found.sha256 != one.said["sha256"]:
            self._fault(one, f"entry {index} is not the one whose digest it names")

    def _correction(self, one: Extract) -> None:
        index = one.said.get("corrects")
        if index is not None and not 0 <= index < one.index:
            self._fault(one, f"it corrects entry {index}, which does not stand before it")


def _names(text: str, pin: Pin) -> bool:
    """Tell whether a rotation names a pinned key, by its fingerprint or by its public line."""
    from itil_gate.signing.ed25519 import public_line  # noqa: PLC0415 - rotations are rare

    return text == pin.fingerprint or text.startswith(public_line(pin.public))


def _in_window(said: Mapping[str, Any]) -> bool:
    start, end, at = (_moment(said.get(name)) for name in ("windowStart", "windowEnd", "startedAt"))
    return at is None or ((start is None or start <= at) and (end is None or at < end))


def _moment(text: Any) -> float | None:
    from datetime import datetime  # noqa: PLC0415 - windows are not in every entry

    return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None


_RULES: Mapping[str, Callable[[Meaning, Extract], None]] = {
    "log-opened": Meaning._opened,  # noqa: SLF001
    "ref-update": Meaning._update,  # noqa: SLF001
    "release-record": Meaning._release,  # noqa: SLF001
    "release-attestation": Meaning._attested,  # noqa: SLF001
    "outcome": Meaning._outcome,  # noqa: SLF001
    "waiver-used": Meaning._beside,  # noqa: SLF001
    "policy-change": Meaning._beside,  # noqa: SLF001
    "obligation": Meaning._owed,  # noqa: SLF001
    "obligation-met": Meaning._met,  # noqa: SLF001
    "key-revocation": Meaning._revocation,  # noqa: SLF001
    "key-rotation": Meaning._rotation,  # noqa: SLF001
    "expunged": Meaning._expunged,  # noqa: SLF001
    "correction": Meaning._correction,  # noqa: SLF001
}
_FREE = frozenset({"gate-decision", "approval", "override"})
"""Kinds that refer to no other entry."""
