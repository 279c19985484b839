"""A target that names no audit log: whether it ever named one, and how that came to an end.

The configuration says where the log is, and the log says which configuration was let in. Whoever
takes the section away would so take away what speaks against it, and against everything else in
that push. So the end of the log has to stand in the log, as it was configured until then. A
repository that never had a log is asked nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING

from itil_gate.git.history import read_commit, refuse_shallow
from itil_gate.git.names import branch_tips
from itil_gate.git.objects import LIMIT, is_oid, listed_ids
from itil_gate.git.tree import blob_at
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import ConfigError, HistoryError, SourceError
from itil_gate.model.frozen import frozen
from itil_gate.model.policy import Source
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.policy.compile import read_config
from itil_gate.reading.yaml import decode, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from itil_gate.git.view import View
    from itil_gate.log.reader import Entry, LogReader
    from itil_gate.model.config import Config

SHORT = 12


@frozen
class Dropped:
    """The end of a log: by which commit, and the configuration that named it until then."""

    by: str
    before: str
    config: Config


def refuse_dropped(view: View, *, target: str, tip: str) -> None:
    """Refuse a target that named an audit log once, unless that log says who ended it.

    The configuration at `tip` names none. Raises HistoryError `log-dropped`, or as
    `refuse_unaccounted` does about the end; LogError as `open_copy` does; and HistoryError
    `history-too-shallow` where there was a log and the clone ends before that can be told.
    """
    found = find_dropped(view, tip)
    if found is None:
        if (tips := branch_tips(view, AUDIT_BRANCH)) or (_folder(view) / "checkpoint").exists():
            _refuse_traces(view, tips, target=target, tip=tip)
        return
    from itil_gate.gather.recorded import open_copy  # noqa: PLC0415 - few ever dropped a log

    reader = open_copy(view, found.config)
    end = _ended(view, found, reader, target=target, tip=tip) if reader is not None else None
    if reader is None or end is None:
        branch = target.removeprefix("refs/heads/")
        raise HistoryError(
            "log-dropped",
            f"itil-gate.yaml of {branch} names no audit log since {found.by[:SHORT]}, and the log "
            "that it named until then does not say that somebody let that in",
            hint="put the section log back; if it was to end, have that approved and run "
            f"`itil-gate check --merged {found.before}..{tip} --record` where the log is kept, "
            "then fetch audit-log",
        )


def log_config(view: View, config: Config, *, tip: str) -> Config:
    """Return the configuration by which it is recorded how a branch came to `tip`.

    That is the one given, which stands there; where it ends the log and nobody has recorded that,
    the one before it. Raises as `refuse_dropped` does, but for `log-dropped`.
    """
    found = find_dropped(view, tip) if config.log is None else None
    if found is None:
        return config
    from itil_gate.gather.recorded import open_copy  # noqa: PLC0415 - few ever dropped a log

    reader = open_copy(view, found.config)
    if reader is None or _ending(view, found, reader, tip=tip) is not None:
        return config
    return found.config


def find_dropped(view: View, tip: str) -> Dropped | None:
    """Return how the configuration of a line of first parents came to name no log any more.

    None where it never named one, as far as the line is here. Raises HistoryError `log-dropped`
    where the configuration that named one cannot be read.
    """
    known = _known_without(view, tip)
    if known == tip:
        return None
    done = view.git(
        *("rev-list", "--first-parent", "--end-of-options", tip),
        *([f"^{known}"] if known else []),
        *("--", CONFIG_PATH),
    )
    by, whole = tip, True
    for commit in listed_ids(done.out, "rev-list"):
        text = _text_at(view, commit)
        whole = whole and text is not None
        if text is not None and _names_log(text):
            source = Source(path=CONFIG_PATH, blob="0" * len(commit), text=text)
            try:
                config = read_config({CONFIG_PATH: source})
            except ConfigError as error:
                raise HistoryError(
                    "log-dropped",
                    f"itil-gate.yaml names no audit log since {by[:SHORT]}, and what it said of "
                    f"one at {commit[:SHORT]} cannot be read",
                    hint="put the section log back as it was",
                ) from error
            return Dropped(by, read_commit(view, by).parents[0], config)
        by = commit
    if whole:
        _keep_without(view, tip)
    return None


def _folder(view: View) -> Path:
    """Return where this clone keeps what it remembers; see `remembered.memory_file`."""
    return view.repository.common_dir / "itil-gate"


def _memo(view: View) -> Path:
    return _folder(view) / "without-log"


def _known_without(view: View, tip: str) -> str | None:
    """Return a commit on the line of this tip whose own line is known to name no log.

    To look through 100,000 commits takes longer than all else, so a clone does it once.
    """
    try:
        known = _memo(view).read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    if known == tip and not view.shallow:
        return known
    if not is_oid(known) or view.shallow or next(view.reader.info([known])) is None:
        return None
    # Not `landing.lies_on_line`: that takes a failing `merge-base --is-ancestor` for a no.
    ends = ("--end-of-options", tip, f"^{known}")
    done = view.git("rev-list", "--first-parent", "--parents", *ends)
    listed_ids(done.out, "rev-list")
    oldest = done.out.decode("ascii").rstrip("\n").rpartition("\n")[2].split()
    return known if oldest[1:2] == [known] else None


def _keep_without(view: View, tip: str) -> None:
    """Remember that the line of a tip names no log; a clone that ends early knows less."""
    if view.shallow:
        return
    file = _memo(view)
    beside = file.with_name(f"without-log.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(tip, "ascii")
        beside.replace(file)


def _ended(view: View, found: Dropped, reader: LogReader, *, target: str, tip: str) -> str | None:
    """Return the recorded commit with which the log was ended by leave; None if there is none."""
    from itil_gate.gather.pinned import proved_reader  # noqa: PLC0415 - few ever dropped a log
    from itil_gate.gather.recorded import refuse_unaccounted  # noqa: PLC0415
    from itil_gate.gather.resting import fits  # noqa: PLC0415

    proved = proved_reader(view, found.config, reader, target=target)
    entry = _ending(view, found, proved, tip=tip)
    if entry is None or not fits(proved, entry):
        return None
    after = str(entry.predicate.get("after"))
    refuse_unaccounted(view, found.config, proved, target=target, tip=after)
    return after


def _ending(view: View, found: Dropped, reader: LogReader, *, tip: str) -> Entry | None:
    """Return the newest record of the update that ended the log, whichever way it went.

    It may be one of another branch: one that left that branch took the end along from there.
    """
    from itil_gate.gather.recorded import line_of  # noqa: PLC0415 - few ever dropped a log

    places = {commit: place for place, commit in enumerate(line_of(view, tip))}
    for entry in reader.backwards(kinds=("ref-update",)):
        before, after = (places.get(str(entry.predicate.get(end))) for end in ("before", "after"))
        if (
            entry.believed
            and before is not None
            and after is not None
            and after <= places[found.by] < places[found.before] <= before
        ):
            return entry
    return None


def _refuse_traces(view: View, tips: Sequence[str], *, target: str, tip: str) -> None:
    """Refuse a line that never named a log where there is one that began on it, or was in use."""
    from itil_gate.gather.landing import lies_on_line  # noqa: PLC0415 - most have no trace
    from itil_gate.gather.remembered import memory_file, own_memory  # noqa: PLC0415

    known = own_memory(view.repository)
    used = known is not None and known.size > 1  # one entry says that it was opened, and no more
    if not tips and not used:
        return
    refuse_shallow(view, None, tip)
    for branch in tips:
        opened = _opening(view, branch)
        if opened.get("target") != target:
            continue
        adopted = str(opened.get("adopted"))
        if next(view.reader.info([adopted])) is None or not lies_on_line(view, adopted, tip):
            raise _off_line(target, tip)
    if used and not tips and known is not None:
        raise HistoryError(
            "log-dropped",
            f"this clone remembers the audit log {known.origin} with {known.size} entries, and "
            f"neither {target} nor any branch here says that there is one",
            hint=f"`git fetch origin audit-log`; if that log was another repository's, or was "
            f"given up with everybody's leave, remove {memory_file(view.repository)}",
        )


def _off_line(target: str, tip: str) -> HistoryError:
    return HistoryError(
        "log-dropped",
        f"the audit log was opened for {target}, and the line of {tip[:SHORT]} does not lead back "
        "to where it began",
        hint="find out who replaced the history of the branch, and put it back",
    )


def _opening(view: View, branch: str) -> dict[str, object]:
    """Return what the first entry of a copy of the log says, whoever signed it."""
    import base64  # noqa: PLC0415 - few repositories have a log that they do not name

    from itil_gate.log.entry import entry_path  # noqa: PLC0415

    data = blob_at(view, branch, entry_path(0))
    try:
        envelope = json.loads(data or b"{}")
        statement = json.loads(base64.b64decode(envelope["payload"]))
        predicate = statement["predicate"]
    except (ValueError, KeyError, TypeError):
        return {}
    return predicate if isinstance(predicate, dict) else {}


def _text_at(view: View, commit: str) -> str | None:
    """Return the configuration of a commit, empty where none could be read; None if it is not here.

    What a partial clone left out is only missed where there is a log that it may have named.
    """
    try:
        data = blob_at(view, commit, CONFIG_PATH, limit=LIMIT)
    except HistoryError as error:
        if error.code == "object-missing" and not branch_tips(view, AUDIT_BRANCH):
            return None
        if error.code not in ("object-too-large", "not-a-file"):
            raise
        return ""
    try:
        return "" if data is None else decode(data, file=CONFIG_PATH)
    except SourceError:
        return ""


def _names_log(text: str) -> bool:
    try:
        said = parse(text, file=CONFIG_PATH).data
    except SourceError:
        return False
    return isinstance(said, dict) and said.get("log") is not None
