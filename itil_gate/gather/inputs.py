"""Gather the sealed inputs of a decision about merging one commit into one branch.

Everything is read as objects through a bare view. The target's tip says who judges; the head
only says what is asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from itil_gate.gather.asking import read_proposed, read_requests
from itil_gate.gather.earlier import NOTHING, earlier_work, pieces_of, pull_of
from itil_gate.gather.sources import read_judge
from itil_gate.gather.statements import (
    approval_tips,
    content_looker,
    content_prover,
    list_statements,
    overrides_for,
    read_statements,
    vouches_for,
)
from itil_gate.git.diff import content_digest, counted_diff, raw_diff
from itil_gate.git.history import commits_between, merge_base, paths_touched
from itil_gate.git.merge import MergeResult, is_update_merge, merge_tree
from itil_gate.git.names import ref_tip, resolve
from itil_gate.git.tree import TreeEntry, ls_tree, tree_id
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import GateError
from itil_gate.model.facts import CommitFact, Facts, Inputs
from itil_gate.model.statement import FOLDERS
from itil_gate.policy.compile import compile_policies, read_config
from itil_gate.policy.places import is_request_path
from itil_gate.signing.commit import commit_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from itil_gate.forge.values import ForgePull
    from itil_gate.gather.statements import Named
    from itil_gate.git.diff import Counts
    from itil_gate.git.history import RawCommit
    from itil_gate.git.view import View
    from itil_gate.log.reader import LogReader
    from itil_gate.model.config import Config
    from itil_gate.model.facts import (
        ApprovedContent,
        ContentFact,
        DiffEntry,
        ExternalResult,
        HistoryFacts,
        PullRequest,
        Review,
        StatementFact,
        WaiverUse,
    )
    from itil_gate.model.finding import Finding
    from itil_gate.model.policy import Source
    from itil_gate.model.risk import RiskModel

AHEAD = timedelta(minutes=5)
"""So far clocks may differ."""
PARENTS_OF_A_MERGE = 2


def gather(
    view: View,
    *,
    target: str,
    base: str,
    head: str,
    now: datetime,
    draft: bool = False,
    external: Mapping[str, bytes] | None = None,
    recorded: bool = True,
    log: LogReader | None = None,
    pulled: ForgePull | None = None,
    binding: bool = False,
) -> Inputs:
    """Return the sealed inputs of a decision.

    `target` is the full name of the branch, `base` the commit at its tip, `head` the commit that
    is proposed; `external` are results of other tools by the names of their checks. Unless
    `recorded` is off, the judge's data must be those that the audit log accounts for, where there
    is one; `log` is given where it is believed under other keys than the target's. `pulled` is what
    the forge told of the pull request; where the target names a forge that nobody asked, the log's
    memory of it stands in, and without one a decision that is `binding` waits. Raises HistoryError
    where history does not suffice, ConfigError `not-adopted` where the target has no configuration,
    and GateError `forge-differs` or `forge-clock` where the forge told of something else.
    """
    judge = read_judge(view, base)
    config = read_config({source.path: source for source in judge})
    if pulled is not None:
        from itil_gate.gather.pulled import refuse_other  # noqa: PLC0415 - few checks ask a forge

        refuse_other(pulled, config=config, target=target, head=head, now=now)
    fork = merge_base(view, base, head)
    head_tree = tree_id(view, head)
    models = _risk_models(judge)
    counts: Counts | None = None
    if any(model.spec.unreviewable for model in models):
        diff, counts = counted_diff(view, tree_id(view, fork), head_tree)
    else:
        diff = raw_diff(view, tree_id(view, fork), head_tree)
    content = content_digest(diff)
    merged = MergeResult(head_tree) if fork == base else _merged(view, base, head, diff=diff)
    commits = commits_between(view, base, head)
    requests, unreadable = read_requests(view, diff, config)
    proposed, broken = read_proposed(view, merged.tree or head_tree, diff, config)
    tips = approval_tips(view)
    asked = list_ids(diff, config)
    earlier = NOTHING
    uses: tuple[WaiverUse, ...] | None = None
    records: tuple[Facts, ...] = ()
    if config.log is not None:
        from itil_gate.gather.recorded import (  # noqa: PLC0415 - few have a log
            open_copy,
            refuse_early,
            refuse_rewound,
            refuse_unrecorded,
            waiver_uses,
        )

        if (log := log or open_copy(view, config)) is not None:
            refuse_rewound(view, log, tips)
            if recorded:
                refuse_early(log, now)
                refuse_unrecorded(view, config, log, target=target, tip=base)
            uses = waiver_uses(log)
            if config.forge is not None and pulled is None:
                from itil_gate.gather.told import recorded_facts  # noqa: PLC0415

                records = recorded_facts(log, asked, head=head, target=target)
            earlier = earlier_work(
                log,
                asked,
                pieces=pieces_of(diff, config),
                pull=pulled.pull if pulled is not None else pull_of(records, head=head),
                known={commit.id for commit in commits},
            )
    elif recorded:
        _refuse_dropped(view, target=target, tip=base)
    unasked: tuple[Finding, ...] = ()
    pull, reviews = (pulled.pull, pulled.reviews) if pulled is not None else (None, ())
    if config.forge is not None and pulled is None:
        pull, reviews, unasked = _remembered(config, records, head=head, binding=binding)
    folders = list_statements(view, tips) if tips else {}
    statements, on_target = _statements(
        view, folders, config, base=base, head=head, commits=commits, asked=asked
    )
    named = (head, *(commit.id for commit in commits), *sorted(asked))
    look = content_looker(view, tip=base, fork=fork, head=head, diff=diff, content=content)
    prove = content_prover(look)
    facts = Facts(
        now=now,
        target=target,
        tip=base,
        merge_base=fork,
        head=head,
        head_tree=head_tree,
        merged_tree=merged.tree,
        conflicts=merged.conflicts,
        content=content,
        diff=diff,
        commits=tuple(commit_fact(view, commit, base) for commit in commits),
        statements=tuple(prove(item) for item in statements),
        approvals_tips=tips,
        draft=draft,
        adopted_at=_adopted_at(view, base, now=now) if config.mode == "audit" else None,
        external=_external(external or {}, judge, proposed or ()),
        target_requests=on_target,
        overrides=overrides_for(view, folders, named),
        reviews=_reviews(view, reviews, tip=base, requests=requests, look=look),
        pull_request=pull,
        earlier=earlier.commits,
        earlier_elsewhere=earlier.elsewhere,
        waiver_uses=uses,
        contents=_contents(view, diff, counts),
        history=_history(
            view,
            config,
            tip=base,
            base=fork,
            head=head,
            diff=diff,
            commits=commits,
            counts=counts,
            now=now,
        )
        if any(model.spec.card for model in models)
        else None,
    )
    return Inputs(
        facts=facts,
        requests=requests,
        judge=judge,
        proposed=proposed,
        faults=(*unreadable, *broken, *unasked),
    )


def find_commit(view: View, name: str) -> str:
    """Return the commit a name stands for. Raises GateError `unknown-revision`."""
    commit = resolve(view, name)
    if commit is None:
        raise GateError(
            "unknown-revision",
            f"{name!r} names no commit here",
            hint="fetch it first: `git fetch origin BRANCH`",
        )
    return commit


def find_target_tip(view: View, target: str) -> str:
    """Return the tip of a target branch: the fetched copy if there is one, else the local one.

    What somebody has on their own branch of that name does not judge. In a bare repository, as on
    a server, it is the other way round: its branches are everybody's, and copies are nobody's.
    Raises GateError `unknown-revision` where neither is here.
    """
    short = target.removeprefix("refs/heads/")
    places = (f"refs/remotes/origin/{short}", target)
    if view.repository.work_tree is None:
        places = (target, places[0])
    tips = {ref: tip for ref in places if (tip := ref_tip(view, ref)) is not None}
    if not tips:
        raise GateError(
            "unknown-revision",
            f"the target branch {short} is not here",
            hint=f"fetch it first: `git fetch origin {short}`",
        )
    return next(iter(tips.values()))


def _remembered(
    config: Config, records: Sequence[Facts], *, head: str, binding: bool
) -> tuple[PullRequest | None, tuple[Review, ...], tuple[Finding, ...]]:
    """Return what the log remembers of the forge, and what is said where nobody asked it."""
    from itil_gate.gather.told import not_asked, told_by_forge  # noqa: PLC0415

    told = told_by_forge(records, head=head)
    pull = told.pull.model_copy(update={"state": "open"}) if told.pull is not None else None
    return pull, told.reviews, not_asked(config, told, head=head, binding=binding)


def _refuse_dropped(view: View, *, target: str, tip: str) -> None:
    from itil_gate.gather.dropped import refuse_dropped  # noqa: PLC0415 - it imports this room

    refuse_dropped(view, target=target, tip=tip)


def _merged(view: View, base: str, head: str, *, diff: Sequence[DiffEntry]) -> MergeResult:
    """Return what the merge would give, and where it would change paths that the diff does not.

    Merging follows what the target renamed, so a change may land where nobody looked.
    """
    merged = merge_tree(view, base, head)
    if merged.tree is None:
        return merged
    seen = {entry.path for entry in diff}
    landing = raw_diff(view, tree_id(view, base), merged.tree)
    astray = tuple(entry.path for entry in landing if entry.path not in seen)
    return MergeResult(merged.tree, astray)


def _statements(
    view: View,
    folders: dict[str, tuple[TreeEntry, ...]],
    config: Config,
    *,
    base: str,
    head: str,
    commits: Sequence[RawCommit],
    asked: frozenset[str],
) -> tuple[tuple[StatementFact, ...], tuple[str, ...]]:
    """Return the statements that may bear on this merge, and which of their changes are merged.

    Those are the statements about the requests of the diff, about requests that never reached the
    target or that the branch touched on its way (a rejected one may be back under a new name), and
    vouches for the commits.
    """
    if not folders:
        return (), ()
    others = frozenset(folders) - asked - FOLDERS
    merged: frozenset[str] = frozenset()
    if others:
        merged = frozenset(
            _stem(entry.path) for entry in ls_tree(view, base, [config.locations.changes])
        )
    touched: frozenset[str] = frozenset()
    if others & merged:
        below = config.locations.changes
        touched = frozenset(map(_stem, paths_touched(view, base, head, below=below)))
    entries = [
        entry
        for folder in sorted((asked | touched | (others - merged)) & set(folders))
        for entry in folders[folder]
    ]
    vouches = vouches_for(view, folders, [commit.id for commit in commits])
    return (*read_statements(view, entries), *vouches), tuple(sorted(others & merged))


def _reviews(
    view: View,
    reviews: Sequence[Review],
    *,
    tip: str,
    requests: Sequence[Source],
    look: Callable[[Named], ApprovedContent],
) -> tuple[Review, ...]:
    if not reviews:
        return ()
    from itil_gate.gather.pulled import proved_reviews  # noqa: PLC0415 - few checks ask a forge

    paths = [source.path for source in requests]
    return proved_reviews(view, reviews, tip=tip, paths=paths, look=look)


def _risk_models(judge: Sequence[Source]) -> tuple[RiskModel, ...]:
    """Return the risk models of the target, which say what is measured.

    A policy set that does not load asks for nothing here; the decision says what is wrong with it.
    """
    try:
        return compile_policies(judge).risk_models
    except GateError:
        return ()


def _contents(
    view: View, diff: Sequence[DiffEntry], counts: Counts | None
) -> tuple[ContentFact, ...] | None:
    """Return how much there is to read, if lines were counted and the contents are here."""
    if counts is None:
        return None
    from itil_gate.git.contents import measure  # noqa: PLC0415 - not every risk model asks

    return measure(view, diff, counts)


def _history(
    view: View,
    config: Config,
    *,
    tip: str,
    base: str,
    head: str,
    diff: Sequence[DiffEntry],
    commits: Sequence[RawCommit],
    counts: Counts | None,
    now: datetime,
) -> HistoryFacts:
    """Return what the target's history says, for a risk model that has a card for it."""
    from itil_gate.gather.record import read_history  # noqa: PLC0415 - few sets have a card

    return read_history(
        view,
        tip=tip,
        base=base,
        head=head,
        diff=diff,
        commits=commits,
        counts=counts,
        now=now,
        apart=config.locations.changes,
    )


def _external(files: Mapping[str, bytes], *sides: Sequence[Source]) -> tuple[ExternalResult, ...]:
    """Return the results of other tools; a signature counts by a key that one of the sides pins."""
    if not files:
        return ()
    from itil_gate.gather.reports import read_report  # noqa: PLC0415 - few checks have any

    keys = dict.fromkeys(key for side in sides for key in _report_keys(side))
    return tuple(
        read_report(data, name=name, keys=tuple(keys)) for name, data in sorted(files.items())
    )


def _report_keys(judge: Sequence[Source]) -> tuple[str, ...]:
    """Return the keys that external checks believe; none where a set does not load."""
    try:
        checks = compile_policies(judge).external_checks if judge else ()
    except GateError:
        return ()
    return tuple(one.key for check in checks if check.spec.signed for one in check.spec.signed.by)


def list_ids(diff: Sequence[DiffEntry], config: Config) -> frozenset[str]:
    """Return the change ids that the request files of a diff are named after."""
    return frozenset(_stem(entry.path) for entry in diff if is_request_path(config, entry.path))


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def commit_fact(view: View, commit: RawCommit, tip: str) -> CommitFact:
    """Return what a decision knows of a commit; merges are held against the target's `tip`."""
    return CommitFact(
        id=commit.id,
        parents=commit.parents,
        author=commit.author,
        committer=commit.committer,
        co_authors=commit.co_authors,
        signature=commit_signature(commit.raw),
        update_merge=len(commit.parents) == PARENTS_OF_A_MERGE
        and is_update_merge(view, commit.id, tip),
    )


def _adopted_at(view: View, tip: str, *, now: datetime) -> datetime | None:
    """Return when the commit that first brought the configuration was made; None if unknown.

    A date ahead of `now` is none: it would stretch the time of trial as far as anybody likes.
    """
    done = view.git(
        "log", "--first-parent", "--diff-filter=A", "--format=%ct", tip, "--", CONFIG_PATH
    )
    times = done.out.decode("ascii", "replace").split()
    if view.shallow or not times or not times[-1].isdecimal():
        return None
    try:
        adopted = datetime.fromtimestamp(int(times[-1]), tz=UTC)
    except (OverflowError, ValueError, OSError):
        # A date after the year 9999 is as good as none.
        return None
    return adopted if adopted <= now + AHEAD else None
