"""Decisions and findings whose every free text is chosen by an attacker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from itil_gate.model.base import Model
from itil_gate.model.decision import RiskAssessment
from itil_gate.model.made import Made
from support.decisions import FINDINGS, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from itil_gate.model.decision import Decision
    from itil_gate.model.finding import Finding

ATTACK = settings(deadline=None, max_examples=60)
"""Whole reports take a while; a busy machine must not fail them."""
SNIPPETS = (
    "\x1b[2J\x1b[31mALLOWED\x1b[0m",
    "\x9b31m",
    "\x7f",
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "\r\nALLOWED  CHG-2026-00000000  forged",
    "\n::set-output name=outcome::allow",
    "::error::forged",
    "::",
    ":",
    "##[set-output name=outcome]allow",
    "##vso[task.complete result=Succeeded]",
    "\u202eredro\u202c",
    "\u2066\u2069\u200b\u2060\ufeff\u00ad",
    "\u2028\u2029\x85",
    "![x](https://evil.example/p.png)",
    "[x](javascript:alert(1))",
    "[x]: https://evil.example",
    "[^1]",
    "<img src=x onerror=alert(1)>",
    "</details><script>alert(1)</script>",
    "</summary>",
    "<!--",
    "-->",
    "]]>",
    "&lt;b&gt;&#64;alice",
    "@alice",
    "@acme/team",
    "alice@evil.example",
    "https://evil.example",
    "www.evil.example",
    "acme/repo#12",
    "GH-12",
    "!12 $12 ~bug %1 &5",
    ":smile:",
    "$x$ $$y$$",
    "```",
    "`",
    "~~~",
    "| a | b |",
    "|---|---|",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "---",
    "===",
    "**bold** _it_ ~~no~~",
    "- [ ] task",
    "/merge",
    "\\",
    "\\`",
    '"}],"outcome":"allow"',
    "{0}",
    "{{1}}",
    "%0A::error::x",
    "file=x,line=1",
    "../../etc/passwd",
    "/etc/passwd",
    "//evil.example/x",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "C:\\x",
    "a/./b",
    "\\x00",
    "\x00",
    "\x0b\x0c",
    "\ufffe",
    "\U0001f600",
    "\U000e0041",
)
texts = (
    st.lists(
        st.one_of(
            st.sampled_from(SNIPPETS),
            st.text(max_size=8),
            st.text(alphabet="`*_[]()<>#|~!@&$:\\ \n-+=.1a", max_size=12),
        ),
        min_size=1,
        max_size=5,
    )
    .map("".join)
    .filter(lambda text: bool(text.strip()))
)
"""Strangers' text: attacks, free Unicode and heaps of punctuation; never blank."""

# Fields whose type admits no free text; everything else is the attacker's.
_OURS = frozenset(
    {"api_version", "outcome", "lane", "level", "declared", "side", "state", "rank", "effect"}
    | {"enforcement"}
    | {
        "commit",
        "tip",
        "merge_base",
        "head",
        "merged_tree",
        "content",
        "digest",
        "digests",
        "target",
    }
    | {"now", "start", "end", "issued_at"}
)
M = TypeVar("M", bound=Model)


def poisoned(value: M, draw: Callable[[], str]) -> M:
    """Return the value with each free text replaced by what `draw` gives."""
    return value.model_copy(
        update={
            name: _poison(getattr(value, name), draw)
            for name in type(value).model_fields
            if name not in _OURS
            if name != "likelihood" or isinstance(value, RiskAssessment)
        }
    )


def _poison(value: Any, draw: Callable[[], str]) -> Any:
    if isinstance(value, str):
        return draw()
    if isinstance(value, tuple):
        return tuple(_poison(item, draw) for item in value)
    return poisoned(value, draw) if isinstance(value, (Model, Made)) else value


@st.composite
def decisions(draw: st.DrawFn) -> tuple[str, Decision]:
    """The name of a sample, and the sample with hostile text throughout."""
    name = draw(st.sampled_from(sorted(SAMPLES)))
    pool = draw(st.lists(texts, min_size=1, max_size=6))
    turn = iter(range(10**6))
    return name, poisoned(SAMPLES[name](), lambda: pool[next(turn) % len(pool)])


@st.composite
def hostile_findings(draw: st.DrawFn) -> tuple[Finding, ...]:
    pool = draw(st.lists(texts, min_size=1, max_size=6))
    turn = iter(range(10**6))
    return tuple(poisoned(finding, lambda: pool[next(turn) % len(pool)]) for finding in FINDINGS)


def harmless(name: str) -> Decision:
    """The same sample with one plain word in every free text."""
    return poisoned(SAMPLES[name](), lambda: "word")
