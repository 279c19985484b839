"""Strangers' text made harmless: one function for each place it may be shown in.

Titles, names, paths, reasons and messages are written by people the gate does not trust. Each
function here takes such text and returns text that its sink shows and never obeys. Text for two
sinks is escaped for the outer one only after the inner one is complete; nothing here decides
what is shown, and nothing is dropped without a trace.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from itil_gate.git.paths import to_bytes
from itil_gate.model.errors import GateError

# Zero-width or blank characters that str.isprintable() lets through: joiners, fillers,
# variation selectors.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
# CI runners read commands from the output of a step: `##[…]` and `##vso[…]` anywhere in a line,
# `::…::` at its start. Wrapping may put any word at the start of a line.
_COMMAND = re.compile(r"##(?=\w*\[)|(?:(?<=\s)|^):(?=:|\s|$)")

_PART = "\ue000"
"""Marks where a zero-width space goes; visible() lets no private-use character through."""
_ZERO_WIDTH_SPACE = "&#8203;"
# What GitHub, GitLab and Gitea turn into links after the Markdown is rendered, where a backslash
# no longer helps: mentions, references, addresses, emoji names.
_LINKED = re.compile(r"(?i)[@#!%&~^*$](?!\s)|:(?=/|[\w+-]+:|[0-9]+\])|www(?=\.)|GH-(?=[0-9])")
_MARKDOWN = {
    **{sign: "\\" + sign for sign in "\\`*_[]#|~"},
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "$": "<span>$</span>",
}
# A list or a heading could begin inside a list item.
_BLOCK_START = re.compile(r"^([0-9]+(?=[.)])|(?=[-+=]))")


def visible(text: str) -> str:
    r"""Return `text` on one line with every character that hides, moves or reorders others shown.

    Control characters, line ends, bidirectional overrides, zero-width characters and spaces other
    than the plain one come out as escapes such as `\x1b`, `\n` and `\u202e`. Words that a CI
    runner would take for a command lose their first sign to an escape. Applying it twice changes
    nothing.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            sign if sign.isprintable() and not _INVISIBLE.match(sign) else _shown(sign)
            for sign in text
        )
    return _COMMAND.sub(lambda found: r"#\x23" if found[0] == "##" else r"\x3a", text)


def terminal(text: str) -> str:
    """Return `text` for a terminal or a CI log: one line without any escape sequence."""
    return visible(text)


def clip(text: str, limit: int) -> str:
    """Return `text` cut to `limit` characters, saying how many are left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]} … ({len(text) - limit} more characters)"


def markdown(text: str) -> str:
    """Return `text` for the inside of a paragraph of GitHub-flavoured Markdown.

    It renders as itself: no markup, HTML, link, image, mention, reference, emoji or mathematics.
    Zero-width spaces keep what forges link after rendering apart. Not for the inside of a code
    span, and not to stand at the start of a line, where quick actions such as `/merge` are read.
    """
    inline = "".join(_MARKDOWN.get(sign, sign) for sign in _parted(visible(text).strip(" ")))
    return _BLOCK_START.sub(r"\1\\", inline).replace(_PART, _ZERO_WIDTH_SPACE)


def markdown_prose(text: str) -> str:
    """Return a sentence for Markdown; what stands between two single backticks becomes code.

    Our own messages set commands and keys that way. A stranger who does the same gets a code
    span, which obeys nothing. Otherwise as `markdown`.
    """
    parts = re.split(r"(?<!`)`([^`]+)`(?!`)", text)
    pieces = []
    for number, part in enumerate(parts):
        if number % 2:
            pieces.append(markdown_code(part))
        elif part:
            start, end = " " * part.startswith(" "), " " * (part.endswith(" ") and part != " ")
            pieces.append(f"{start}{markdown(part)}{end}")
    return "".join(pieces).strip(" ")


def markdown_code(text: str) -> str:
    """Return `text` as a Markdown code span whose fence no run of backticks inside can close.

    For commands, paths and identifiers: forges link nothing inside code.
    """
    shown = visible(text)
    if not shown.strip(" "):
        return "(empty)"
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    pad = " " if "`" in (shown[0], shown[-1]) or " " in (shown[0], shown[-1]) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def markdown_block(text: str, *, indent: str) -> str:
    """Return a command as a fenced block, which forges show with a button that copies it.

    Every line begins with `indent`, that of the list item it belongs to. No run of backticks
    inside closes the fence.
    """
    shown = visible(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    return f"{indent}{fence}sh\n{indent}{shown}\n{indent}{fence}"


def markdown_html(text: str) -> str:
    """Return `text` for the text of an HTML element inside Markdown, such as `<summary>`.

    Markdown is not read there, but forges still link mentions and references.
    """
    return _html(_parted(visible(text))).replace(_PART, _ZERO_WIDTH_SPACE)


def html(text: str) -> str:
    """Return `text` for HTML text or a quoted attribute value."""
    return _html(visible(text))


def _html(text: str) -> str:
    from html import escape  # noqa: PLC0415 - loads every entity there is, for pages only

    return escape(text, quote=True)


def xml(text: str) -> str:
    """Return `text` with every character that XML 1.0 forbids shown as an escape.

    The writer of the XML still turns markup into entities.
    """
    return visible(text)


def workflow_data(text: str) -> str:
    """Return `text` for the message of a GitHub workflow command; line ends are kept, encoded."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """Return `text` for a property of a GitHub workflow command, such as `file` or `title`."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def sarif_message(text: str) -> str:
    """Return `text` for a SARIF message: no embedded link, no placeholder (SARIF 3.11.5, 3.11.6).

    `](` is parted by a space, `{0}` doubled to `{{0}}`.
    """
    return re.sub(r"\{([0-9]+)\}", r"{{\1}}", visible(text).replace("](", "] ("))


def sarif_uri(path: str) -> str | None:
    """Return the percent-encoded relative URI of a path of the repository, or None.

    None means that the text is no path git could check out below the root: absolute, with an
    empty, `.` or `..` segment, or with a NUL. A colon is encoded, so no path forges a scheme.
    """
    try:
        raw = to_bytes(path)
    except GateError:
        return None
    if b"\0" in raw or any(segment in (b"", b".", b"..") for segment in raw.split(b"/")):
        return None
    return quote(raw, safe="/")


def _shown(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def _parted(text: str) -> str:
    return _LINKED.sub(lambda found: found[0] + _PART, text)
