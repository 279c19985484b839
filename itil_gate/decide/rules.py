"""The rules built into the gate, named for the fault. They cannot be switched off.

The catalogue is the one source of what `explain`, the rule pages and SARIF say about a rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.rule import Rule

if TYPE_CHECKING:
    from itil_gate.model.finding import Effect


def _rule(name: str, effect: Effect, summary: str, why: str, remedy: str) -> Rule:
    return Rule(id=name, effect=effect, summary=summary, why=why, remedy=remedy)


GATE_RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        _rule(
            "empty-change",
            "deny",
            "The proposed merge changes no path.",
            "An empty diff gives nothing to authorise; it is also how a broken checkout looks.",
            "Push the commits that make the change, or close the pull request.",
        ),
        _rule(
            "merge-conflict",
            "deny",
            "The head does not merge cleanly into the target.",
            "What would land, or where, the diff does not show, so nobody can have approved it.",
            "Merge or rebase the target into the branch and resolve the conflicts.",
        ),
        _rule(
            "closed-pull-request",
            "deny",
            "The pull request is closed or already merged.",
            "A decision about it would authorise nothing, or something else later.",
            "Reopen the pull request, or open a new one.",
        ),
        _rule(
            "draft",
            "pending",
            "The pull request is a draft.",
            "Its author says that it is not ready to be merged.",
            "Mark the pull request as ready for review.",
        ),
        _rule(
            "forge-not-asked",
            "pending",
            "The target names a forge, and nobody asked it about the pull request.",
            "Whoever opened it or pushed to it has taken part, and requests for changes reject: "
            "without the forge, or a record of what it told, nobody knows of either. A check that "
            "records nothing is advice, and only says so.",
            "Run `itil-gate check --pull NUMBER --record` where the keys of the log are.",
        ),
        _rule(
            "uncovered-change",
            "deny",
            "A governed path changes without a request in this diff whose scope holds it.",
            "Only requests added or amended in the same diff cover it; an older request was "
            "authorised for older content.",
            "Run `itil-gate new`, or widen `spec.scope` of the request in this pull request.",
        ),
        _rule(
            "not-recognised",
            "advise",
            "A pull request without a request is no recognised standard change.",
            "Only what fits one published standard model entirely passes without a request.",
            "Write a request with `itil-gate new`, or keep the change within the model.",
        ),
        _rule(
            "beyond-appetite",
            "deny",
            "The risk is above what the organisation takes.",
            "Whoever sponsors the service said how much risk is acceptable; more needs an "
            "exception, by somebody who answers for it and knew what they signed.",
            "Make the change less risky, split it, or ask for the exception named.",
        ),
        _rule(
            "deleted-request",
            "deny",
            "A change request is deleted or renamed.",
            "Requests are the record of what was asked for, rejected ones included.",
            "Restore the file; retract a request with `itil-gate withdraw --change`.",
        ),
        _rule(
            "irregular-request",
            "deny",
            "A request is a symbolic link, a submodule or an executable file.",
            "What is judged must be what is stored, word for word.",
            "Store the request as a regular file.",
        ),
        _rule(
            "duplicate-change",
            "deny",
            "Two files of the diff claim the same change id.",
            "Approvals bind to the id, so it must name one request.",
            "Give each request an id of its own with `itil-gate new`.",
        ),
        _rule(
            "proposed-policy-invalid",
            "deny",
            "The policies, people or configuration that the pull request proposes do not load.",
            "Merging them would leave the target without a judge.",
            "Run `itil-gate lint` and mend what it lists.",
        ),
        _rule(
            "unattributable-commit",
            "deny",
            "A commit's author or committer is nobody in people.yaml.",
            "Whoever wrote it could approve it under another name.",
            "Add the e-mail to the person in people.yaml on the target, or have somebody who will "
            "not approve run `itil-gate vouch COMMIT`.",
        ),
        _rule(
            "unproved-contributor",
            "deny",
            "No signature and no forge proves who made a commit.",
            "Anyone can commit under anyone's name. From medium risk this denies; at low risk it "
            "asks for one approval more.",
            "Sign the commits with an SSH key listed in people.yaml, or vouch for your own with "
            "`itil-gate vouch COMMIT`.",
        ),
        _rule(
            "unknown-person",
            "deny",
            "The request names somebody who is not in people.yaml.",
            "Nobody can be excluded from approving, or held to anything, who is not known.",
            "Use a person id from people.yaml on the target branch.",
        ),
        _rule(
            "unknown-service",
            "deny",
            "The request names a service the catalogue does not hold.",
            "Owners, tiers and freezes are found through the service.",
            "Use the name of a catalogue entity, or add the service first.",
        ),
        _rule(
            "undeclared-service",
            "deny",
            "Changed paths belong to a service that the request does not name.",
            "Approvers sign what the request says; it must say what changes.",
            "Add the service to `spec.services`, or take the paths out of the change.",
        ),
        _rule(
            "undeclared-environment",
            "deny",
            "Changed paths take effect in an environment that the request does not name.",
            "Freezes and approvals depend on the environment.",
            "Add the environment to `spec.environments`.",
        ),
        _rule(
            "under-declared-risk",
            "advise",
            "The request declares a lower risk than was assessed.",
            "A declaration may raise the risk, never lower it; the assessed level holds.",
            "Leave `spec.risk` out, or raise it.",
        ),
        _rule(
            "unknown-model",
            "deny",
            "The request names a change model that is not published on the target.",
            "A standard change is only as safe as the model it follows.",
            "Use a published model, or make it a normal change.",
        ),
        _rule(
            "model-type",
            "deny",
            "The request is of another type than the change model that it names.",
            "A model was published for one type of change; its limits say nothing about others.",
            "Write the model's type in `spec.type`, or name another model.",
        ),
        _rule(
            "model-expired",
            "deny",
            "The change model is past its last day, or was not certified again in time.",
            "What is authorised in advance is authorised for a time, and looked at again. For "
            "models other than standard ones a late certification is advice.",
            "Its owner publishes it anew, or make it a normal change.",
        ),
        _rule(
            "outside-model",
            "deny",
            "Changed paths lie outside the change model that the request names.",
            "A model is known to be safe for what it describes, and for nothing beside it. "
            "Standard and registration models never cover links, submodules or the judge's data.",
            "Take the paths out of the change, or make it a normal change.",
        ),
        _rule(
            "model-limit",
            "deny",
            "The change is larger or riskier than its change model allows.",
            "Experience with small changes says little about large ones.",
            "Split the change, or make it a normal change.",
        ),
        _rule(
            "model-field",
            "deny",
            "A field that the change model asks for is missing, or one that it hides is given.",
            "Whoever relies on the model expects these fields, and only these, to be filled in.",
            "Add the field, or remove it, in the request.",
        ),
        _rule(
            "model-check",
            "deny",
            "A condition of the change model does not hold.",
            "The model's owner found it to be needed for every change of this sort.",
            "Do what the condition's message says, or make it a normal change.",
        ),
        _rule(
            "invalid-request",
            "deny",
            "The request cannot be read.",
            "What cannot be read cannot be judged.",
            "Run `itil-gate lint` and mend what it lists.",
        ),
        _rule(
            "in-freeze",
            "deny",
            "The change would take place while a freeze is in force.",
            "A freeze protects the business when failure costs most.",
            "Move `spec.window` out of the freeze.",
        ),
        _rule(
            "outside-maintenance-window",
            "deny",
            "An affected service has maintenance windows and the change lies outside them.",
            "Users of the service were told when to expect change.",
            "Move `spec.window` into a maintenance window.",
        ),
        _rule(
            "window-past",
            "deny",
            "The planned window has ended.",
            "An authorisation for a time that is over authorises nothing.",
            "Set a window that is still to come.",
        ),
        _rule(
            "open-rejection",
            "deny",
            "Somebody rejected this change and has not taken it back.",
            "A rejection holds for the change, whatever is pushed afterwards.",
            "Ask the person to run `itil-gate withdraw` or `itil-gate approve`.",
        ),
        _rule(
            "withdrawn-change",
            "deny",
            "The requester withdrew the change.",
            "Nobody asks for it any more.",
            "The requester can run `itil-gate withdraw` again to take that back.",
        ),
        _rule(
            "no-applicable-policy",
            "deny",
            "No approval requirement applies to a change of this risk.",
            "Silence is not consent: nothing applicable is a refusal.",
            "Add a requirement for the level to an ApprovalPolicy on the target.",
        ),
        _rule(
            "unsatisfiable-requirement",
            "deny",
            "Nobody who may approve is left for a requirement.",
            "Waiting would never end; the rule or the roster must change.",
            "Name more people in the role, or give the requirement a fallback role.",
        ),
        _rule(
            "missing-approval",
            "pending",
            "A requirement still lacks approvals that count.",
            "Nothing is wrong; a person still has to act.",
            "Ask one of the people listed to run `itil-gate approve`.",
        ),
        _rule(
            "awaited-evidence",
            "pending",
            "The results of an external check were not handed in, or do not count.",
            "The policies ask what another tool says, and it has not spoken yet; or nothing proves "
            "that it was the tool that spoke, about this very commit.",
            "Run the tool, let its signer sign what it wrote where the check asks for that "
            "(`itil-gate attest`), then `itil-gate check --external NAME=FILE`.",
        ),
        _rule(
            "no-external-results",
            "deny",
            "The results of an external check cannot be read, or hold no test.",
            "An empty report looks like a clean one; it is also how a tool looks that found no "
            "policies, or the wrong ones.",
            "See that the tool reads its policies and the right files, in the format declared.",
        ),
        _rule(
            "undeclared-external-results",
            "advise",
            "Results were handed in for an external check that the target does not declare.",
            "They decide nothing, and somebody may believe that they do.",
            "Add an ExternalCheck of that name on the target, or leave the results out.",
        ),
    )
}
