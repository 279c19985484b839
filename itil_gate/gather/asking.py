"""What a head asks for: its request files, and the judge's data as it proposes them.

All of it is data of whoever wants to merge. What cannot be read is the requester's mistake, told
with its place; only what the machine failed at is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.gather.sources import read_judge, read_sources
from itil_gate.git.tree import TreeEntry
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import ConfigError, HistoryError, SourceError
from itil_gate.model.finding import Finding, Place
from itil_gate.policy.places import is_request_path, judge_prefixes
from itil_gate.reading.events import MAX_BYTES
from itil_gate.reading.read import source_finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.git.view import View
    from itil_gate.model.config import Config
    from itil_gate.model.facts import DiffEntry
    from itil_gate.model.policy import Source

MOST_REQUESTS = 1000
"""Requests of one merge: each is held against the whole diff."""
REGULAR = ("100644", "100755")


def read_requests(
    view: View, diff: Sequence[DiffEntry], config: Config
) -> tuple[tuple[Source, ...], tuple[Finding, ...]]:
    """Return the request files of a diff, and what keeps others from being read."""
    sources: list[Source] = []
    faults: list[Finding] = []
    items = [
        TreeEntry(mode=entry.new_mode, oid=entry.new_id, path=entry.path)
        for entry in diff
        if is_request_path(config, entry.path) and entry.new_mode in REGULAR
    ]
    if len(items) > MOST_REQUESTS:
        return (), (
            Finding(
                rule="invalid-request",
                message=f"{len(items):,} change requests are proposed at once; "
                f"at most {MOST_REQUESTS:,} are judged together",
                remedy="propose them in parts",
                place=Place(file=items[0].path),
            ),
        )
    for entry in items:
        try:
            sources += read_sources(view, [entry], limit=MAX_BYTES)
        except SourceError as error:
            faults.append(source_finding(error))
        except HistoryError as error:
            if error.code != "object-too-large":
                raise
            faults.append(
                Finding(
                    rule="invalid-request",
                    message=f"{entry.path} is too large to be a change request",
                    remedy="keep reports out of the request; name them under spec.evidence",
                    place=Place(file=entry.path),
                )
            )
    return tuple(sources), tuple(faults)


def read_proposed(
    view: View, tree: str, diff: Sequence[DiffEntry], config: Config
) -> tuple[tuple[Source, ...] | None, tuple[Finding, ...]]:
    """Return the judge's data as the merge would leave them, if the diff touches them."""
    prefixes = judge_prefixes(config)
    if not any(
        entry.path == prefix or entry.path.startswith(f"{prefix}/")
        for entry in diff
        for prefix in prefixes
    ):
        return None, ()
    try:
        return read_judge(view, tree), ()
    except SourceError as error:
        return None, (source_finding(error).model_copy(update={"rule": "proposed-policy-invalid"}),)
    except HistoryError as error:
        if error.code not in ("object-too-large", "tree-too-large"):
            raise
        return None, (
            Finding(
                rule="proposed-policy-invalid",
                message=f"what the pull request proposes does not load: {error.message}",
                remedy="keep the judge's data to files of 1 MiB at most, and other files elsewhere",
                place=Place(file=CONFIG_PATH),
            ),
        )
    except ConfigError as error:
        place = next((found.place for found in error.findings if found.place), None)
        return None, (
            Finding(
                rule="proposed-policy-invalid",
                message=f"what the pull request proposes does not load: {error.message}",
                remedy=error.hint
                if error.code in ("irregular-file", "too-many-texts")
                else "run `itil-gate lint` and mend what it lists",
                place=place or Place(file=CONFIG_PATH),
            ),
        )
