"""The record: what the landed changes of the last year say about the files of a proposed one.

Pure and in whole numbers, so that every machine finds the same. Old changes weigh less: half as
much every 180 days. Little evidence is drawn towards the repository's usual rate. A change with a
forged date spoils at most its own entry: dates are clamped to the year that is read.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from itil_gate.model.facts import HistoryFacts
from itil_gate.model.frozen import frozen
from itil_gate.risk.outcomes import DAY, failures
from itil_gate.risk.places import is_configuration, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from itil_gate.risk.outcomes import Landed

    Key = tuple[str, bytes]

HOUR = 3_600
YEAR = 365 * DAY
SEASON = 90 * DAY
LATELY = 14 * DAY
NEVER = YEAR // HOUR
"""Hours since a failure that are reported when none is known in the year."""

PRIOR_CHANGES = 50
PRIOR_FAILURES = 1
"""What is believed of a repository before anything is seen: 2 % of its changes fail."""
PRIOR_WEIGHT = {"file": 8, "folder": 15, "area": 30, "type": 30}
"""So many changes at the repository's usual rate are added to what was seen of each."""

ONE = 1_000_000_000
"""A change of today, as a weight."""
_DAILY = 996_156_587_221
"""2 to the power of -1/180, times 10 to the power of 12."""
USUAL = 1000
"""The ratio of what fails as often as the repository does."""
COMPARED = 3_000
"""How many changes before a change is compared with, at most."""

_WORD = re.compile(r"[a-z0-9_]{3,}")
_STOP = frozenset(
    ("the", "and", "for", "with", "from", "this", "that", "not", "add", "fix", "remove", "update")
)


def _weights() -> tuple[int, ...]:
    weights = [ONE * 1000]
    for _ in range(YEAR // DAY):
        weights.append(weights[-1] * _DAILY // 10**12)
    return tuple(weight // 1000 for weight in weights)


WEIGHTS = _weights()
"""Weight of a change by its age in days."""
_NONE: frozenset[Key] = frozenset()


@frozen
class Proposal:
    """What is compared with the record: the paths that change, the titles and authors of commits.

    `lines_added_percentile` is measured elsewhere, for it takes the contents of files.
    """

    paths: frozenset[bytes]
    titles: tuple[str, ...]
    authors: frozenset[str]
    lines_added_percentile: int | None = None


class Failed(NamedTuple):
    """A change that failed, and the seconds since 1970 at which that became known."""

    change: Landed
    known: int


def history_facts(
    landed: Sequence[Landed], *, proposal: Proposal, now: int, complete: bool
) -> HistoryFacts:
    """Return what the record says about a proposal.

    `landed` is newest first, `now` in seconds since 1970. Changes older than a year are left out,
    and so are reversals; a date in the future is read as now. `complete` says whether the whole
    year was there: with nothing landed and `complete` false, nothing is known.
    """
    recent = [
        change if change.at <= now else change._replace(at=now)
        for change in landed
        if now - change.at <= YEAR
    ]
    known = failures(recent)
    config = _percent(sum(map(is_configuration, proposal.paths)), len(proposal.paths))
    changes = [change for change in recent if change.said.reversal is None]
    if not changes and not complete:
        return HistoryFacts(
            changes=0,
            failures=0,
            complete=False,
            base_ppm=1_000_000 * PRIOR_FAILURES // PRIOR_CHANGES,
            config_percent=config,
            lines_added_percentile=proposal.lines_added_percentile,
        )
    failed = [Failed(recent[position], when) for position, when in known.items()]
    rates = _rates(recent, known, proposal=proposal, now=now)
    landed_now = [change for change in changes if now - change.at <= DAY]
    return HistoryFacts(
        changes=len(changes),
        failures=len(failed),
        complete=complete,
        base_ppm=1_000_000 * rates.failed // rates.seen,
        file_ratio=rates.worst["file"],
        dir_ratio=rates.worst["folder"],
        area_ratio=rates.worst["area"],
        type_ratio=rates.worst["type"],
        file_failures_365=sum(not proposal.paths.isdisjoint(item.change.paths) for item in failed),
        dir_failures_90=_folder_failures(failed, proposal.paths, now=now),
        title_overlap_percent=_overlap(failed, proposal, now=now),
        hours_since_failure=min([NEVER, *(-(-(now - item.known) // HOUR) for item in failed)]),
        config_percent=config,
        lines_added_percentile=proposal.lines_added_percentile,
        developers_percentile=_developers(changes, proposal.paths),
        first_today=all(proposal.paths.isdisjoint(change.paths) for change in landed_now),
        author_changes_24h=_landed_by(proposal.authors, landed_now),
    )


def percentile(value: int, others: Sequence[int]) -> int | None:
    """Return which share of the others is smaller, in whole percent; equals count half."""
    if not others:
        return None
    below = sum(other < value for other in others)
    same = sum(other == value for other in others)
    return 100 * (2 * below + same) // (2 * len(others))


class _Rates(NamedTuple):
    """The worst ratio of each kind, and the decayed failures and changes of the repository."""

    worst: Mapping[str, int]
    failed: int
    seen: int


def _rates(
    recent: Iterable[Landed],
    known: Mapping[int, int],
    *,
    proposal: Proposal,
    now: int,
) -> _Rates:
    wanted = {key for path in proposal.paths for key in _keys(path)}
    met = _Met(wanted)
    # Changes are summed by the set of keys they meet first: there are far fewer sets than changes.
    seen_by: Counter[frozenset[Key]] = Counter()
    failed_by: Counter[frozenset[Key]] = Counter()
    for position, change in enumerate(recent):
        if change.said.reversal is not None:
            continue
        weight = WEIGHTS[(now - change.at) // DAY]
        paths = change.paths
        keys = met[paths[0]] if len(paths) == 1 else _NONE.union(*map(met.__getitem__, paths))
        seen_by[keys] += weight
        if position in known:
            failed_by[keys] += weight
    seen, failed = _by_key(seen_by), _by_key(failed_by)
    all_seen = PRIOR_CHANGES * ONE + seen_by.total()
    all_failed = PRIOR_FAILURES * ONE + failed_by.total()
    worst = dict.fromkeys(PRIOR_WEIGHT, 0 if wanted else USUAL)
    for key in wanted:
        prior = PRIOR_WEIGHT[key[0]] * ONE
        rate = prior * all_failed + failed[key] * all_seen
        usual = (prior + seen[key]) * all_failed
        worst[key[0]] = max(worst[key[0]], USUAL * rate // usual)
    return _Rates(worst, failed=all_failed, seen=all_seen)


class _Met(dict[bytes, "frozenset[Key]"]):
    """Which of the wanted keys a path counts under, found once for each path."""

    def __init__(self, wanted: set[Key]) -> None:
        self._wanted = wanted

    def __missing__(self, path: bytes) -> frozenset[Key]:
        keys = self[path] = frozenset(_keys(path)) & self._wanted
        return keys


def _by_key(weights: Mapping[frozenset[Key], int]) -> Counter[Key]:
    sums: Counter[Key] = Counter()
    for keys, weight in weights.items():
        for key in keys:
            sums[key] += weight
    return sums


def _keys(path: bytes) -> tuple[Key, ...]:
    """Return what a file is counted under."""
    place = place_of(path)
    return (
        ("file", path),
        ("folder", place.folder),
        ("area", place.area),
        ("type", place.type),
    )


def _folder_failures(failed: Iterable[Failed], paths: Iterable[bytes], *, now: int) -> int:
    folders = {place_of(path).folder for path in paths}
    return sum(
        any(place_of(path).folder in folders for path in item.change.paths)
        for item in failed
        if now - item.known <= SEASON
    )


def _overlap(failed: Iterable[Failed], proposal: Proposal, *, now: int) -> int:
    """Return the best share of common words, in percent of the words of both titles."""
    titles = [_words(title) for title in proposal.titles]
    best = 0
    for item in failed:
        if now - item.known > LATELY or proposal.paths.isdisjoint(item.change.paths):
            continue
        theirs = _words(item.change.said.title)
        for ours in titles:
            best = max(best, _percent(len(ours & theirs), len(ours | theirs)))
    return best


def _developers(changes: Sequence[Landed], paths: Iterable[bytes]) -> int | None:
    """Return how many people changed these files, against the changes of the newer half.

    The older half only fills the record: at its start nobody has changed anything yet.
    """
    people: defaultdict[bytes, set[str]] = defaultdict(set)

    def count(touched: Iterable[bytes]) -> int:
        return len(set().union(*(people[path] for path in touched)))

    others = []
    compared = min(COMPARED, -(-len(changes) // 2))
    for age in range(len(changes) - 1, -1, -1):
        change = changes[age]
        if age < compared:
            others.append(count(change.paths))
        for path in change.paths:
            people[path].add(change.author)
    return percentile(count(paths), others)


def _landed_by(authors: Iterable[str], changes: Iterable[Landed]) -> int:
    """Return how many changes landed by that one of the authors who landed the fewest."""
    landed = Counter(change.author for change in changes)
    return min((landed[author] for author in authors), default=0)


def _words(title: str) -> frozenset[str]:
    return frozenset(_WORD.findall(title.lower())) - _STOP


def _percent(part: int, whole: int) -> int:
    return 100 * part // whole if whole else 0
