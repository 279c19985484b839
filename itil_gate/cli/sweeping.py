"""The sweep: judge every open pull request again, since freezes begin and approvals expire unseen.

No event tells that an approval expired, a freeze began, or a review was given that nobody rang the
bell for; so a schedule asks. Each pull request is judged as by itself, and told so on the forge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.cli.screen import say
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from itil_gate.cli.action_run import Run
    from itil_gate.model.decision import Outcome

_FINE, _UNDECIDED = 0, 2


def sweep(run: Run) -> int:
    """Judge the open pull requests of guarded branches, the oldest first.

    Returns 0 where each was decided, whatever was decided, and 2 where one could not be: that one
    keeps none of the others from being judged. Raises GateError `bad-event` in a run that a pull
    request started, and ForgeError where the list cannot be read.
    """
    from itil_gate.cli.action_check import check
    from itil_gate.cli.action_run import INPUT, Run
    from itil_gate.cli.posting import open_runners_forge, publish_failure
    from itil_gate.cli.runner import read_event
    from itil_gate.model.decision import SEVERITY
    from itil_gate.report.action_report import other_outputs
    from itil_gate.report.escape import terminal

    event = read_event(run.inputs)
    if event.head is not None:
        raise GateError(
            "bad-event",
            f"the event {event.name} is about one proposal, and a sweep is about all of them",
            hint="run the command `sweep` on schedule or workflow_dispatch, `check` on this event",
        )
    guarded = _targets(run)
    worst: Outcome = "allow"
    for pull in open_runners_forge(run).open_pulls():
        if pull.base_ref not in guarded:
            continue
        inputs = {**run.inputs, f"{INPUT}PULL_REQUEST": str(pull.number)}
        failed = ""
        try:
            outcome = _OUTCOMES[check(Run(inputs, run.step))]
        except GateError as error:
            failed = error.code
            say(f"pull request {pull.number}: {failed}: {terminal(error.message)}")
        except Exception as error:  # noqa: BLE001 - what one proposal breaks must not spare the rest
            failed = "internal-error"
            say(f"pull request {pull.number}: {failed}, {type(error).__name__}")
        if failed:
            outcome = "undecided"
            if pull.head is not None:  # an earlier success must not speak for it
                publish_failure(run, pull.head, failed)
        say(f"pull request {pull.number}: {outcome}")
        worst = max(worst, outcome, key=SEVERITY.index)
    run.step.write(other_outputs(worst, {}))
    return _UNDECIDED if worst == "undecided" else _FINE


_OUTCOMES: dict[int, Outcome] = {0: "allow", 1: "deny", 2: "undecided", 3: "pending"}


def _targets(run: Run) -> tuple[str, ...]:
    """Return the branches that the repository's main branch says are guarded."""
    from itil_gate.cli.hearing import find_target
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.discover import discover
    from itil_gate.git.view import open_view
    from itil_gate.policy.compile import read_config

    with open_view(discover(run.place)) as view:
        _, tip = find_target(view, base=None, target=None)
        config = read_config({source.path: source for source in read_judge(view, tip)})
    return config.targets
