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
    from itil_gate.cli.action_check import check, fetch_for
    from itil_gate.cli.action_run import INPUT, Run
    from itil_gate.cli.hearing import guarded
    from itil_gate.cli.posting import open_runners_forge, publish_failure
    from itil_gate.cli.runner import read_event
    from itil_gate.git.discover import discover
    from itil_gate.git.view import open_view
    from itil_gate.model.decision import SEVERITY
    from itil_gate.model.frozen import replace
    from itil_gate.report.action_report import other_outputs
    from itil_gate.report.escape import terminal

    event = read_event(run.inputs)
    if event.head is not None:
        raise GateError(
            "bad-event",
            f"the event {event.name} is about one proposal, and a sweep is about all of them",
            hint="run the command `sweep` on schedule or workflow_dispatch, `check` on this event",
        )
    repository = discover(run.place)
    fetch_for(run, repository, event)
    with open_view(repository) as view:
        names = guarded(view, event.home)
    worst: Outcome = "allow"
    for pull in open_runners_forge(run).open_pulls():
        if pull.base_ref not in names:
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
            # An earlier success must not speak for it.
            publish_failure(run, replace(event, target=pull.base_ref, head=pull.head), failed)
        say(f"pull request {pull.number}: {outcome}")
        worst = max(worst, outcome, key=SEVERITY.index)
    run.step.write(other_outputs(worst, {}))
    return _UNDECIDED if worst == "undecided" else _FINE


_OUTCOMES: dict[int, Outcome] = {0: "allow", 1: "deny", 2: "undecided", 3: "pending"}
