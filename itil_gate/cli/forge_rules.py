"""Ask the forge of the target's configuration what guards its branches, for `doctor --forge`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from itil_gate.model.errors import ConfigError, LogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from itil_gate.audit.checked import Check
    from itil_gate.forge.protocol import Forge
    from itil_gate.git.view import View
    from itil_gate.model.config import Config

_NAME = "forge"


def forge_checks(view: View, *, target: str, tip: str) -> tuple[Check, ...]:
    """Return what the rules of the forge come to, of every branch that matters to the gate.

    `tip` is that of the target, which is taken for the default branch where the clone was not told
    of one. A forge that is not named or cannot be asked is one check that fails, so that the checks
    of this clone are shown all the same.
    """
    from itil_gate.audit.checked import Check
    from itil_gate.forge.answers import TOKEN_VARIABLE
    from itil_gate.forge.opening import open_forge
    from itil_gate.forge.protocol import ForgeError
    from itil_gate.gather.pulled import no_forge
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.names import read_default
    from itil_gate.policy.compile import read_config

    try:
        config = read_config({source.path: source for source in read_judge(view, tip)})
        if config.forge is None:
            raise no_forge()
        token = os.environ.get(TOKEN_VARIABLE) or None
        forge = open_forge(config.forge, token=token, environment=os.environ)
        return tuple(_judged(view, forge, config, home=read_default(view) or target))
    except (ConfigError, ForgeError) as error:
        return (Check(_NAME, "FAIL", f"{error.code}: {error.message}", error.hint or ""),)


def _judged(view: View, forge: Forge, config: Config, *, home: str) -> Iterator[Check]:
    from itil_gate.audit.checked import Check
    from itil_gate.audit.forge_health import judge_books, judge_target
    from itil_gate.audit.guarded import Guarded
    from itil_gate.forge.protocol import status_context
    from itil_gate.model.record import AUDIT_BRANCH
    from itil_gate.model.statement import APPROVALS_BRANCH

    settings = config.forge
    if settings is None:
        return
    yield Check(_NAME, "OK", f"{settings.kind} answers for {settings.project} on {settings.host}")
    for target in config.targets:
        recorded, trouble = _recorded(view, config, target)
        if trouble is not None:
            yield trouble
        context = status_context(target, home=home)
        rules = forge.protection(target)
        check = settings.status_checks.get(target)
        yield from judge_target(Guarded(rules, settings.kind, recorded, context, check))
    books = [(APPROVALS_BRANCH, "approvals and rejections")]
    if config.log is not None:
        books.append((AUDIT_BRANCH, "the record"))
    for branch, holds in books:
        yield from judge_books(Guarded(forge.protection(branch), settings.kind), holds=holds)


def _recorded(view: View, config: Config, target: str) -> tuple[datetime | None, Check | None]:
    """Return when the newest landing on a branch was recorded, or what keeps it from being read."""
    from itil_gate.audit.checked import Check
    from itil_gate.gather.recorded import open_copy
    from itil_gate.release.deploying import known_of

    try:
        reader = open_copy(view, config)
        updates = known_of(reader, target).updates if reader is not None else ()
    except LogError as error:
        trouble = Check("log", "FAIL", f"{error.code}: {error.message}", error.hint or "")
        return None, trouble
    return max((one.update.recorded_at for one in updates), default=None), None
