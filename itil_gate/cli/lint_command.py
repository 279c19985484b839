"""`itil-gate lint`: requests, policies, people, services and calendars as files, offline."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from itil_gate.cli.screen import color, now, out, repo_option, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from itil_gate.cli.worktree import Found, WorkTree
    from itil_gate.model.finding import Finding
    from itil_gate.model.policy import ExtensionSchema, Source
    from itil_gate.policy.files import FileKind

T = TypeVar("T")
FORMATS = ("text", "markdown", "json", "sarif", "junit", "github", "gitlab")
MANY = 1000
"""From how many files on a terminal is shown how far it is."""


@click.command(epilog="Exit codes: 0 fine or advice only, 1 findings, 2 could not be read.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    envvar="ITIL_GATE_FORMAT",
    show_default=True,
    help="How to print the findings.",
)
@repo_option
def command(paths: tuple[Path, ...], form: str, repo: Path) -> int:
    """Check change requests, policies, people, services and calendars as files.

    Reads the work tree, offline. Without PATHS everything is read and held against each other:
    names used twice, files that are missing, roles nobody holds, approvals nobody is left to
    give. Says nothing about whether a change is allowed; that is `itil-gate check`.

    \b
    itil-gate lint
    itil-gate lint changes/2026 policies/approvals.yaml
    itil-gate lint --format sarif > lint.sarif
    """
    from itil_gate.cli.worktree import everything, named, open_work_tree
    from itil_gate.report import FINDINGS_FORMATS

    tree = open_work_tree(repo)
    desk = _Desk(tree)
    if paths:
        desk.read_named(list(dict.fromkeys(named(tree, paths))))
    else:
        desk.read_all(list(everything(tree)))
    findings = tuple(dict.fromkeys(desk.findings))
    out(FINDINGS_FORMATS[form](findings, color=color()))
    for line in desk.unread:
        say(f"could not be read: {line}")
    say(f"{desk.count} file(s) below {tree.root} were read")
    if desk.unread:
        return 2
    return 1 if any(finding.effect != "advise" for finding in findings) else 0


class _Desk:
    """Reads files and keeps what was found, and what could not be read at all."""

    def __init__(self, tree: WorkTree) -> None:
        self.tree = tree
        self.findings: list[Finding] = []
        self.unread: list[str] = []
        self.count = 0
        self._ids: dict[str, str] = {}
        self._schema: ExtensionSchema | None = self._extension_schema()

    def read_named(self, files: Sequence[tuple[Found, bool]]) -> None:
        """Look at each file by itself; its own `kind` speaks where its place says nothing."""
        from itil_gate.policy.files import kind_by_content, unknown_kind

        with _progress(files) as several:
            for found, itself in several:
                text = self._text(found)
                if text is None:
                    continue
                kind = found.kind or kind_by_content(text, file=found.path)
                if kind is not None:
                    self._inspect(found.path, text, kind)
                elif itself:
                    self.findings.append(unknown_kind(found.path))

    def read_all(self, files: Sequence[Found]) -> None:
        """Look at each file by itself, then at the judge's data together."""
        from itil_gate.model.policy import Source

        judge: list[Source] = []
        with _progress(files) as several:
            for found in several:
                text = self._text(found)
                if text is None or found.kind is None:
                    continue
                self._inspect(found.path, text, found.kind)
                if found.kind != "request":
                    judge.append(Source(path=found.path, blob="", text=text))
        self.findings += _together(judge)

    def _text(self, found: Found) -> str | None:
        from itil_gate.cli.worktree import read_file

        try:
            text = read_file(found)
        except OSError as error:
            self.unread.append(f"{found.path}: {error.strerror}")
            return None
        self.count += 1
        if isinstance(text, str):
            return text
        self.findings.append(text)
        return None

    def _inspect(self, path: str, text: str, kind: FileKind) -> None:
        from itil_gate.policy.files import inspect_file

        self.findings += inspect_file(text, file=path, kind=kind, extension_schema=self._schema)
        if kind == "request":
            self._claim(path)

    def _claim(self, path: str) -> None:
        """Find a second file of one name: a request is named after its id."""
        from itil_gate.model.finding import Finding, Place

        name = path.rpartition("/")[2].rpartition(".")[0]
        other = self._ids.setdefault(name, path)
        if other != path:
            self.findings.append(
                Finding(
                    rule="duplicate-change",
                    message=f"{name} is claimed by {other} too",
                    remedy="give each request an id of its own with `itil-gate new`",
                    place=Place(file=path),
                )
            )

    def _extension_schema(self) -> ExtensionSchema | None:
        from itil_gate.cli.worktree import Found, read_file
        from itil_gate.model.policy import ExtensionSchema

        path = self.tree.config.extensions
        if path is None:
            return None
        file = self.tree.root / path
        try:
            text = read_file(Found(str(file), path, "extensions", regular=not file.is_symlink()))
        except OSError:
            return None
        return ExtensionSchema(path=path, text=text) if isinstance(text, str) else None


def _together(judge: Sequence[Source]) -> tuple[Finding, ...]:
    """Return what only shows when the judge's data are held against each other."""
    from itil_gate.model.config import CONFIG_PATH
    from itil_gate.model.finding import Finding, Place
    from itil_gate.prove.inspection import inspect_judge

    if CONFIG_PATH not in {source.path for source in judge}:
        return (
            Finding(
                rule="missing-file",
                message=f"there is no {CONFIG_PATH} here, so nothing is governed yet",
                remedy="`itil-gate init` writes one, with policies, people and an example",
                place=Place(file=CONFIG_PATH),
            ),
        )
    return inspect_judge(judge, now=now())


def _progress(files: Sequence[T]) -> AbstractContextManager[Iterable[T]]:
    """Show on a terminal how far it is, where there is much to read."""
    if len(files) <= MANY or not sys.stderr.isatty():
        return nullcontext(files)
    bar: AbstractContextManager[Iterable[T]] = click.progressbar(
        files, label="reading", file=sys.stderr, width=0
    )
    return bar
