"""`itil-gate log verify`: verify the whole log, or what is new in it, and what it means."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from itil_gate.cli.log_reading import (
    BAD,
    find_log,
    given_checkpoint,
    pinned_roots,
    read_bytes,
    telling,
)
from itil_gate.cli.screen import now, out, repo_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from itil_gate.cli.log_reading import LogPlace
    from itil_gate.log.verdict import Verification
    from itil_gate.log.verify import Terms

MOST_JOBS = 64


@click.command(
    epilog="Exit codes: 0 nothing bad was found, 1 tampered with, 2 could not verify.",
)
@click.option(
    "--since",
    metavar="CHECKPOINT",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A checkpoint remembered elsewhere: the log must extend it, and only what is new is "
    "verified.",
)
@click.option("--full", is_flag=True, help="Verify everything, whatever was verified before.")
@click.option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    help="Processes that verify entries; as many as there are processors by default.",
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Verify exported files instead of the branch.",
)
@click.option(
    "--keys",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The itil-gate.yaml that pins the keys; by default that of the target branch.",
)
@click.option(
    "--roots",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Certificates of the time-stamping authorities you trust, in PEM; by default those that "
    "log.timestampRoots names on the target branch.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How to print the verdicts.",
)
@click.option("--base", help="Branch whose itil-gate.yaml counts; origin/main or main.")
@click.option(
    "--remote",
    metavar="REMOTE",
    help="Remote that keeps the log; origin by default, where there is one.",
)
@click.option("--local", is_flag=True, help="Verify the copies that are here, offline.")
@repo_option
def command(
    since: Path | None,
    jobs: int | None,
    directory: Path | None,
    keys: Path | None,
    roots: Path | None,
    form: str,
    base: str | None,
    remote: str | None,
    repo: Path,
    *,
    full: bool,
    local: bool,
) -> int:
    """Verify the audit log: every hash, every signature, and whether it makes sense.

    Each check has its verdict: ok, bad or not checked, with what is bad, where, and since which
    entry. Keys count by position in the log. A log proves nothing against whoever holds its key,
    unless somebody remembers an earlier checkpoint: give yours with --since.

    What was verified before is remembered in this clone and not verified again, if the log is
    proved to extend it; --full forgets that.

    \b
    itil-gate log verify
    itil-gate log verify --since last-year.checkpoint --format json
    itil-gate log verify --dir exported --keys itil-gate.yaml
    """
    from itil_gate.report.log_verdicts import verification_json, verification_text

    def run() -> int:
        found = _verify(
            lambda: find_log(repo, base=base, remote=remote, local=local),
            since=since,
            jobs=jobs or _processors(),
            directory=directory,
            keys=keys,
            roots=roots,
            full=full,
        )
        out(verification_json(found) if form == "json" else verification_text(found))
        return BAD if found.tampered else 0

    code: int = telling(run)
    return code


def _verify(
    find: Callable[[], LogPlace],
    *,
    since: Path | None,
    jobs: int,
    directory: Path | None,
    keys: Path | None,
    roots: Path | None,
    full: bool,
) -> Verification:
    from itil_gate.audit.log_verification import Effort, verify_branch, verify_folder
    from itil_gate.gather.remembered import remembered_here

    place: LogPlace | None = find() if keys is None or directory is None else None
    given = None if keys is None else _terms(keys)
    terms = given or _terms_of(place)
    old = given_checkpoint(since, terms.keys, origin=terms.origin) if since else None
    known = remembered_here(place.repository, place.config) if place is not None else ()
    stamped: bytes | None = None
    if roots is not None:
        stamped = read_bytes(roots)
    elif place is not None:
        stamped = pinned_roots(place)
    effort = Effort(now=now(), since=old, full=full, jobs=jobs, remembered=known, roots=stamped)
    with _progress() as done:
        if directory is not None or place is None:
            return verify_folder(directory or Path(), terms, effort, done=done)
        return verify_branch(place.repository, terms, effort, remote=place.remote, done=done)


def _terms_of(place: LogPlace | None) -> Terms:
    from itil_gate.log.verify import terms_of

    if place is None:  # pragma: no cover - without keys the place was found
        raise AssertionError("neither keys nor a configuration")
    return terms_of(place.settings, place.config.repository)


def _terms(file: Path) -> Terms:
    from itil_gate.log.verify import terms_of
    from itil_gate.model.config import CONFIG_PATH
    from itil_gate.model.errors import ConfigError
    from itil_gate.model.policy import Source
    from itil_gate.policy.compile import read_config

    text = read_bytes(file).decode("utf-8", "replace")
    config = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})
    if config.log is None:
        raise ConfigError("no-log", f"{file} has no section log")
    return terms_of(config.log, config.repository)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show on a terminal how far each part of the verification is; elsewhere nothing."""
    bars: dict[str, Any] = {}

    def done(what: str, more: int, length: int) -> None:
        bar = bars.get(what)
        if bar is None:
            _close(bars)
            bar = bars[what] = click.progressbar(length=length, label=what, file=sys.stderr)
            bar.__enter__()
        bar.update(more)

    if not sys.stderr.isatty():
        yield lambda _what, _more, _length: None
        return
    try:
        yield done
    finally:
        _close(bars)


def _close(bars: dict[str, Any]) -> None:
    for bar in bars.values():
        if not bar.finished:
            bar.finish()
        bar.render_finish()
    bars.clear()


def _processors() -> int:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(count or 1, MOST_JOBS)
