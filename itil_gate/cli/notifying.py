"""Write the file for chat and mail bridges that `--notify` names, whatever the outcome is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from itil_gate.cli.screen import now, write_file
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Inputs


@contextmanager
def telling_failure(file: Path | None, *, pull: int | None = None) -> Iterator[None]:
    """Run a block; where it cannot decide, say so in the file, which may be of an earlier run."""
    try:
        yield
    except GateError as error:
        if file is not None:
            from itil_gate.report.notification import failed, notification_json

            write_file(file, notification_json(failed(error, now=now(), pull=pull)).encode())
        raise


def write_notification(file: Path, decision: Decision, inputs: Inputs) -> None:
    """Write what a decision asks of whom; the file is written whole or not at all."""
    from itil_gate.policy.compile import compile_policies
    from itil_gate.report.notification import notification, notification_json

    policies = compile_policies(inputs.judge)
    write_file(file, notification_json(notification(decision, inputs, policies)).encode())
