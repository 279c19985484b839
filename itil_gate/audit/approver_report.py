"""Put the report on approvers together: from the log and the approvals branch, in one pass each.

Offline, and without trust in dates that those who are looked at wrote. What it comes to is for a
person to weigh. Numbers may stand for names, for whoever has no need to know them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.audit.approver_log import Memory, remember
from itil_gate.audit.approver_rows import Approvers, Asked
from itil_gate.audit.approvers import Tally
from itil_gate.audit.change_sizes import measure
from itil_gate.audit.words import Words
from itil_gate.decide.roster import build_roster

if TYPE_CHECKING:
    from collections.abc import Callable

    from itil_gate.audit.approver_rows import Terms
    from itil_gate.git.view import View
    from itil_gate.log.reader import LogReader
    from itil_gate.model.policy import PolicySet

    Progress = Callable[[str, int, int | None], None]


def report_on(
    view: View,
    reader: LogReader | None,
    *,
    policies: PolicySet,
    target: str,
    tip: str,
    terms: Terms,
    progress: Progress | None = None,
) -> Approvers:
    """Return who approved how often, how fast and for whom.

    `policies` are those of `tip`, whose people say who is who; `reader` is None where there is no
    log. Raises LogError for a log that is not what it wrote, HistoryError for missing objects.
    """
    show = progress or (lambda _what, _number, _total: None)
    repository = policies.config.repository
    memory = Memory()
    if reader is not None:
        memory = remember(
            reader, repository=repository, progress=lambda done: show("entries", done, None)
        )
        measure(view, memory.contents.values(), progress=lambda done: show("changes", done, None))
    words = Words(
        view,
        repository=repository,
        roster=build_roster(policies.people),
        memory=memory,
        reader=reader,
        progress=lambda done, total: show("statements", done, total),
    )
    tally = Tally(terms)
    for word in words.all():
        tally.add(word)
    return Approvers(
        repository=repository,
        target=target,
        tip=tip,
        log=None if reader is None else reader.size,
        terms=terms,
        approvers=tally.approvers(),
        pairs=tally.pairs(),
        unreadable=dict(sorted(words.unreadable.items())),
        unreadable_paths=tuple(words.paths),
        not_in_period=tally.not_in_period,
        not_at_level=tally.not_at_level,
        level_not_known=tally.level_not_known,
        changes_withdrawn=tally.changes_withdrawn,
        only_in_log=words.only_in_log,
        not_believed=memory.not_believed,
        expunged=memory.expunged,
    )


def masked(report: Approvers) -> Approvers:
    """Return the report with numbers for names; keys, changes and files that lead to them are out.

    Who is who can still be guessed from the numbers by whoever knows the team.
    """
    names: dict[str, str] = {}

    def number(who: str) -> str:
        return names.setdefault(who, f"person {len(names) + 1}")

    approvers = tuple(
        one.model_copy(update={"who": number(one.who), "name": "", "keys": (), "leads": ()})
        for one in report.approvers
    )
    return report.model_copy(
        update={
            "pseudonyms": True,
            "approvers": tuple(
                one.model_copy(
                    update={
                        "for_whom": tuple(
                            Asked(requester=number(to.requester), changes=to.changes)
                            for to in one.for_whom
                        )
                    }
                )
                for one in approvers
            ),
            "pairs": tuple(
                pair.model_copy(update={"one": number(pair.one), "other": number(pair.other)})
                for pair in report.pairs
            ),
            "unreadable_paths": (),
        }
    )
