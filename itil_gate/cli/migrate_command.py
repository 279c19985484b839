"""`itil-gate migrate`: bring files to the current format version; shown first, then written."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import color, out, repo_option, say, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.cli.worktree import Found, WorkTree
    from itil_gate.model.finding import Finding

MIGRATED = frozenset({"request", "config", "people", "policy"})
"""Kinds of files that carry a format version of ours."""


@click.command(epilog="Exit codes: 0 done or nothing to do, 1 findings, 2 could not be read.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--write", is_flag=True, help="Write the files; else only the difference is shown.")
@repo_option
def command(paths: tuple[Path, ...], repo: Path, *, write: bool) -> int:
    """Bring configuration, people, policies and requests to the current format version.

    Comments and order are kept. Without PATHS every file that the configuration knows is read.
    Requests that were authorised need no migration: every version stays readable.

    \b
    itil-gate migrate
    itil-gate migrate --write policies/
    """
    from itil_gate.cli.worktree import open_work_tree, read_file
    from itil_gate.reading.migrate import VERSIONS
    from itil_gate.report import FINDINGS_FORMATS

    tree = open_work_tree(repo)
    findings: list[Finding] = []
    unread: list[str] = []
    changed = count = 0
    for found in _files(tree, paths):
        try:
            text = read_file(found)
        except OSError as error:
            unread.append(f"{found.path}: {error.strerror}")
            continue
        if not isinstance(text, str):
            findings.append(text)
            continue
        count += 1
        new, faults = _migrated(text, found.path)
        findings += faults
        if new == text:
            continue
        changed += 1
        if write:
            write_file(Path(found.file), new.encode())
        out(f"wrote {found.path}" if write else _difference(text, new, found.path))
    if findings:
        out(FINDINGS_FORMATS["text"](tuple(findings), color=color()))
    for line in unread:
        say(f"could not be read: {line}")
    verb = "written" if write else "to change (add --write)"
    say(f"{count} file(s) read, {changed} {verb}; the current version is {VERSIONS[-1]}")
    if unread:
        return 2
    return 1 if findings else 0


def _files(tree: WorkTree, paths: Sequence[Path]) -> Iterator[Found]:
    from itil_gate.cli.worktree import everything, named, read_file
    from itil_gate.policy.files import kind_by_content

    if not paths:
        yield from (found for found in everything(tree) if found.kind in MIGRATED)
        return
    for found, itself in named(tree, paths):
        kind = found.kind
        if kind is None and not itself:
            text = read_file(found)
            kind = kind_by_content(text, file=found.path) if isinstance(text, str) else None
        if kind in MIGRATED or (kind is None and itself):
            yield found


def _migrated(text: str, path: str) -> tuple[str, Sequence[Finding]]:
    """Return the text in the current version; several documents are brought there one by one."""
    from itil_gate.model.errors import SourceError
    from itil_gate.reading.migrate import migrate
    from itil_gate.reading.yaml import parse_all

    result = migrate(text, file=path)
    if [finding.rule for finding in result.findings] != ["many-documents"]:
        return result.text, result.findings
    try:
        versions = {
            document.data.get("apiVersion") if isinstance(document.data, dict) else None
            for document in parse_all(text, file=path)
        }
    except SourceError:
        return text, result.findings
    # There is one version, so documents of it are where they should be. A first step from it has
    # to split such files; the finding then says that it does not yet.
    from itil_gate.reading.migrate import VERSIONS

    return text, () if versions <= {VERSIONS[-1]} else result.findings


def _difference(old: str, new: str, path: str) -> str:
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), f"a/{path}", f"b/{path}", lineterm=""
    )
    from itil_gate.report.escape import terminal

    return "\n".join(terminal(line) for line in lines)
