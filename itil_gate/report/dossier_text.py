"""A change's story as text, Markdown or JSON, and the page that says how to verify its folder.

Titles, names and reasons in it are strangers': each sink shows them and obeys none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.model.canonical import as_json
from itil_gate.report.escape import clip, markdown, terminal
from itil_gate.report.json_report import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.audit.told import Dossier, Told

_LONGEST = 600


def dossier_text(dossier: Dossier) -> str:
    """Return the story for a terminal, oldest first."""
    lines = [
        f"{dossier.change} in {dossier.repository}",
        f"log {dossier.origin}: {dossier.size} entries, root {dossier.root}",
        "",
    ]
    for one in dossier.told:
        lines.append(f"{_when(one)}  {_place(one)}{one.kind}: {one.what}")
        lines += [f"    {clip(line, _LONGEST)}" for line in one.lines]
        lines.append(f"    {one.digest}")
        lines.append(f"    proved: {one.proof}")
    lines += ["", "missing:" if dossier.missing else "nothing that is expected is missing"]
    lines += [f"  - {line}" for line in dossier.missing]
    return "\n".join(map(terminal, lines)) + "\n"


def dossier_markdown(dossier: Dossier) -> str:
    """Return the story as GitHub-flavoured Markdown."""
    where = f"{markdown(dossier.repository)} ({markdown(dossier.origin)})"
    lines = [
        f"# {markdown(dossier.change)}",
        "",
        f"In {where}, from a log of {dossier.size} entries.",
        "",
    ]
    for one in dossier.told:
        lines.append(f"- **{_when(one)}** {markdown(f'{_place(one)}{one.kind}: {one.what}')}")
        lines += [f"  - {markdown(clip(line, _LONGEST))}" for line in one.lines if line]
        lines.append(f"  - {markdown(f'proved: {one.proof}; {one.digest}')}")
    lines += ["", "## Missing", ""]
    lines += [f"- {markdown(line)}" for line in dossier.missing] or ["Nothing that is expected."]
    return "\n".join(lines) + "\n"


def dossier_json(dossier: Dossier) -> str:
    """Return the story for programs."""
    plain: Any = as_json(dossier)
    return printable(plain)


def folder_page(dossier: Dossier, *, vkeys: Sequence[str], keys: Sequence[str]) -> str:
    """Return the README of a dossier's folder: what is in it, and how to verify it elsewhere."""
    index = next((one.entry for one in dossier.told if one.entry is not None), 0)
    listed = "\n".join(f"    {key}" for key in vkeys) or "    (none)"
    recorders = "\n".join(f"    {key}" for key in keys) or "    (none)"
    return _PAGE.format(
        change=markdown(dossier.change),
        origin=markdown(dossier.origin),
        index=index,
        vkeys=terminal_block(listed),
        keys=terminal_block(recorders),
        first=vkeys[0] if vkeys else "VKEY",
    )


def terminal_block(text: str) -> str:
    """Return lines of which none holds a control character."""
    return "\n".join(terminal(line) for line in text.splitlines())


def _when(one: Told) -> str:
    return f"{one.at:%Y-%m-%d %H:%M:%S}Z" if one.at else "no time stated   "


def _place(one: Told) -> str:
    return f"entry {one.entry}, " if one.entry is not None else ""


_PAGE = """\
# Dossier of {change}

What happened to one change, from the audit log {origin} and from git. Nothing here has to be
believed: this page says how to verify each part, also with tools of other people. Take the keys
below from the repository's `itil-gate.yaml` and `people.yaml`, not from this folder.

| file | what it is |
| --- | --- |
| `dossier.txt`, `dossier.md`, `dossier.json` | the story, three times the same |
| `checkpoint` | the log's signed head, a C2SP signed note |
| `entries/N.intoto.json` | entry N of the log: an in-toto statement in a DSSE envelope |
| `entries/N.tlog-proof` | its receipt: a C2SP tlog-proof that it is in the log at that head |
| `requests/DIGEST.yaml` | each version of the request, named by the SHA-256 of its bytes |
| `statements/DIGEST.stmt` | each signed statement: one line of JSON, then an SSH signature of it |

## The log

Its head is signed by one of these keys (the form of `golang.org/x/mod/sumdb/note`):

{vkeys}

An entry is in the log at that head, offline and without the repository:

    itil-gate log verify-proof entries/{index}.tlog-proof --entry entries/{index}.intoto.json \\
      --key '{first}'

Other tools: the receipt is text. The `extra` line is the leaf in base64; it names the SHA-256 of
the entry's file (`sha256sum entries/{index}.intoto.json`). SHA-256 of a zero byte and the leaf is
the leaf hash of RFC 6962, and the lines below `index` are its inclusion proof, as
`golang.org/x/mod/sumdb/tlog.CheckRecord` takes it.

## The entries

Each is signed by one of these Ed25519 keys, over the DSSE pre-authentication encoding
`DSSEv1 28 application/vnd.in-toto+json LENGTH PAYLOAD`:

{keys}

securesystemslib, `@sigstore/verify` and `openssl pkeyutl -verify -rawin` verify them.

## The statements

    head -n 1 statements/DIGEST.stmt | tr -d '\\n' > said
    tail -n +2 statements/DIGEST.stmt > said.sig
    ssh-keygen -Y verify -f allowed_signers -I PERSON -n approval@itil-gate -s said.sig < said

`allowed_signers` holds a line `PERSON KEY`, with the key that `people.yaml` lists. The SHA-256 of
`said` is the file's name.
"""
