"""The report on approvers as text, Markdown or JSON: what is measured, and what that may not mean.

Names and hosts in it are strangers': each sink shows them and obeys none. Shares of few are not
told, and no row says more of a person than what was counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.audit.approver_rows import FEW, LEAST_LINES, MANY
from itil_gate.model.canonical import as_json
from itil_gate.report.escape import clip, markdown, terminal
from itil_gate.report.json_report import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.audit.approver_rows import Approver, Approvers, Latency, Lead, Terms

_LONGEST = 300
_SHOWN_LEADS = 3
_SHOWN_PAIRS = 10
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNMEASURED = {
    "dated-before": "dated before the content could be seen",
    "not-known": "of content whose time is not known",
}
_UNREADABLE = {
    "malformed": "malformed",
    "bad-signature": "with a bad signature",
    "unsupported-key": "signed with a key that is not supported",
    "wrong-namespace": "signed for another purpose",
    "review": "reviews in the log",
}
_SEEN = {
    "forge": "since it was pushed",
    "log": "or more, since the log first recorded it",
    "commit": "by the commit's date, a hint",
}


def approvers_text(report: Approvers) -> str:
    """Return the report for a terminal, who approved most first."""
    lines = [report.meaning, "", *_about(report)]
    for one in report.approvers:
        lines += ["", _title(one)]
        facts = _facts(one, report.terms, logged=report.log is not None)
        lines += [f"    {line}" for line in facts]
    lines += ["", *_pairs(report)]
    lines += ["", *_apart(report)]
    return "\n".join(terminal(clip(line, _LONGEST)) for line in lines) + "\n"


def approvers_markdown(report: Approvers) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    lines = ["# Who approves, how often and how fast", "", markdown(report.meaning), ""]
    lines += [f"- {markdown(line)}" for line in _about(report)]
    for one in report.approvers:
        lines += ["", f"## {markdown(_title(one))}", ""]
        facts = _facts(one, report.terms, logged=report.log is not None)
        lines += [f"- {markdown(clip(line.strip(), _LONGEST))}" for line in facts]
    lines += ["", "## Who approves for each other", ""]
    lines += [f"- {markdown(line.strip())}" for line in _pairs(report)[1:]] or ["Nobody."]
    lines += ["", "## Apart", ""]
    lines += [f"- {markdown(line)}" for line in _apart(report)] or ["Nothing."]
    return "\n".join(lines) + "\n"


def approvers_json(report: Approvers) -> str:
    """Return the report for programs."""
    plain: Any = as_json(report)
    return printable(plain)


def length_text(seconds: int) -> str:
    """Return a length of time as a person says it, in at most two units."""
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE} min"
    return f"{seconds // _DAY} d {seconds % _DAY // _HOUR} h"


def _about(report: Approvers) -> Iterator[str]:
    terms = report.terms
    yield f"{report.repository}, people as on {report.target} at {report.tip[:12]}"
    if report.log is None:
        yield (
            "no audit log is here: dates are those that signers and authors wrote, and nothing "
            "tells which approvals counted"
        )
    else:
        yield f"times and what counted from an audit log of {report.log} entries"
    if terms.since or terms.until:
        begin = f"{terms.since:%Y-%m-%d %H:%M}Z" if terms.since else "the beginning"
        end = f"{terms.until:%Y-%m-%d %H:%M}Z" if terms.until else "now"
        yield f"from {begin} to {end}"
    if terms.levels:
        yield f"risk {', '.join(terms.levels)}"


def _title(one: Approver) -> str:
    name = f" ({one.name})" if one.name else ""
    known = "" if one.kind is not None else ", nobody in people.yaml"
    kind = f", {one.kind}" if one.kind not in (None, "human") else ""
    keys = f", {len(one.keys)} keys" if len(one.keys) > 1 else ""
    return f"{one.who}{name}{kind}{known}{keys}"


def _facts(one: Approver, terms: Terms, *, logged: bool) -> Iterator[str]:
    yield (
        f"{_many(one.approvals, 'approval')}, {_many(one.rejections, 'rejection')}, "
        f"{_many(one.withdrawals, 'withdrawal')}, {_many(one.remarks, 'remark')}, "
        f"on {_many(one.changes, 'change')}"
    )
    if one.approved_percent is not None:
        yield f"approved {one.approved_percent} % of what they approved or rejected"
    else:
        yield f"fewer than {FEW} approvals and rejections: too few to speak of shares"
    if one.approvals and logged:
        others = "; no recorded decision has judged the rest" if one.counted < one.approvals else ""
        yield f"{one.counted:,} of {one.approvals:,} counted in a recorded decision{others}"
    if one.reviews:
        yield f"{one.reviews:,} of {one.approvals:,} given on a forge"
    if one.never_counted:
        codes = ", ".join(f"{number} {code}" for code, number in one.never_counted.items())
        yield f"apart: {_many(sum(one.never_counted.values()), 'approval')} never counted ({codes})"
    yield from _latencies(one, terms)
    if one.sized:
        yield (
            f"{one.too_fast:,} of {one.sized:,} measured with {LEAST_LINES} changed lines or more "
            f"were faster than {terms.lines_per_hour} lines an hour"
        )
    if one.only_approves:
        yield f"more than {MANY} approvals and never a rejection or a remark"
    if one.for_whom:
        asked = ", ".join(f"{to.requester} {to.changes}" for to in one.for_whom)
        yield f"changes approved, by who asked for them: {asked}"
    for lead in one.leads[:_SHOWN_LEADS]:
        yield f"  {_lead(lead)}"


def _latencies(one: Approver, terms: Terms) -> Iterator[str]:
    if one.latency.measured:
        least = one.latency.at_least
        late = f"; for {least:,} it may have been longer, as the log came later" if least else ""
        yield f"from seeing to approving: {_latency(one.latency, terms)}{late}"
    if one.hinted.measured:
        yield f"by dates of commits, a hint: {_latency(one.hinted, terms)}"
    for why, number in one.unmeasured.items():
        yield f"not measured: {number} {_UNMEASURED[why]}"
    if one.dated_after:
        yield f"{_many(one.dated_after, 'statement')} dated later than the log recorded them"


def _latency(latency: Latency, terms: Terms) -> str:
    share = ""
    if latency.measured >= FEW:
        share = f" ({100 * latency.within // latency.measured} %)"
    return (
        f"median {length_text(latency.median_seconds or 0)}, "
        f"fastest {length_text(latency.fastest_seconds or 0)}, "
        f"{latency.within:,} of {latency.measured:,}{share} within {terms.within_minutes} min"
    )


def _lead(lead: Lead) -> str:
    changes = ", ".join(lead.changes) or f"sha256:{lead.digest[:16]}"
    lines = f", {lead.lines} lines" if lead.lines is not None else ""
    fast = ", too fast for its size" if lead.too_fast else ""
    return f"{changes}: {length_text(lead.seconds)} {_SEEN[lead.seen]}{lines}{fast}"


def _pairs(report: Approvers) -> list[str]:
    if not report.pairs:
        return ["nobody approved changes of somebody who approved theirs"]
    lines = ["who approves for each other, most both ways first:"]
    lines += [
        f"    {pair.one} approved {_many(pair.one_approved, 'change')} of {pair.other}, "
        f"{pair.other} {pair.other_approved} of {pair.one}"
        for pair in report.pairs[:_SHOWN_PAIRS]
    ]
    if len(report.pairs) > _SHOWN_PAIRS:
        lines.append(f"    and {len(report.pairs) - _SHOWN_PAIRS} more pairs")
    return lines


def _apart(report: Approvers) -> list[str]:
    lines = [
        f"unreadable, {_UNREADABLE.get(what, what)}: {number:,}"
        for what, number in report.unreadable.items()
    ]
    lines += [f"  {path}" for path in report.unreadable_paths]
    for number, what in (
        (report.only_in_log, "statements that are in the log and on no approvals branch here"),
        (report.not_believed, "entries of the log by no pinned key, left out"),
        (report.expunged, "entries of the log that were expunged, and may have said more"),
        (report.not_in_period, "statements and reviews of another time, left out"),
        (report.not_at_level, "statements and reviews about other risk, left out"),
        (report.level_not_known, "reviews about risk that is not known, left out"),
        (report.changes_withdrawn, "changes withdrawn by who asked for them"),
    ):
        if number:
            lines.append(f"{what}: {number:,}")
    total = sum(one.approvals for one in report.approvers)
    lines.append(f"{_many(len(report.approvers), 'approver')}, {_many(total, 'approval')}")
    return lines


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
