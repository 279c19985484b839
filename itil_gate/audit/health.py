"""Whether a repository is fit to be gated: rules that people can satisfy, history, identities.

Every check says what is so and, where something should be done, with which command. It looks at
the target branch and the clone; what a forge enforces is for `forge_health` to say.
"""

from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING

from itil_gate.audit.checked import Check
from itil_gate.decide.prospects import survey_prospects
from itil_gate.decide.roster import build_roster
from itil_gate.gather.sources import read_judge
from itil_gate.gather.statements import approval_tips
from itil_gate.git.names import ref_tip
from itil_gate.git.run import git_program, hardened, run, search_path
from itil_gate.model.errors import ConfigError, SourceError
from itil_gate.model.statement import APPROVALS_BRANCH
from itil_gate.policy.compile import compile_policies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from itil_gate.decide.prospects import Prospect
    from itil_gate.decide.roster import Roster
    from itil_gate.git.view import View
    from itil_gate.model.policy import PolicySet

COMMITS = 500
"""How many of the newest commits of the target are asked who made them."""
_SHOWN = 8


def examine(view: View, *, target: str, tip: str, now: datetime) -> tuple[Check, ...]:
    """Return every check of a repository and its target branch, in a fixed order."""
    checks = [*_programs(view), *_history(view)]
    policies, loading = _policies(view, tip)
    checks.append(loading)
    if policies is not None:
        roster = build_roster(policies.people)
        checks += _prospects(policies, now)
        checks += _people(policies)
        checks.append(_identities(view, tip, roster, policies))
        if target not in policies.config.targets:
            guarded = ", ".join(policies.config.targets)
            message = f"{target} is not guarded; guarded are {guarded}"
            checks.append(
                Check("target", "FAIL", message, f"add {target} to targets in itil-gate.yaml")
            )
    checks.append(_approvals(view))
    return tuple(checks)


def _programs(view: View) -> list[Check]:
    checks = []
    said = run([git_program(), "version"], cwd=view.directory, env=hardened(), timeout=20)
    checks.append(Check("git", "OK", said.out.decode("utf-8", "replace").strip()))
    keygen = shutil.which("ssh-keygen", path=search_path())
    if keygen is None:
        message = "ssh-keygen was not found on the PATH, so nobody can sign from here"
        checks.append(Check("ssh-keygen", "ATTENTION", message, "install OpenSSH 8.2 or newer"))
        return checks
    # It has no option for its version; the client beside it comes from the same package.
    client = shutil.which("ssh", path=search_path())
    version = "unknown version"
    if client is not None:
        done = run([client, "-V"], cwd=view.directory, env=hardened(), ok=range(256), timeout=20)
        version = (done.err or done.out).decode("utf-8", "replace").strip().partition(",")[0]
    can_sign = run(
        [keygen, "-Y", "check-novalidate"],
        cwd=view.directory,
        env=hardened(),
        ok=range(256),
        timeout=20,
    )
    if b"unknown option" in can_sign.err or b"illegal option" in can_sign.err:
        message = f"{keygen} ({version}) cannot sign data"
        checks.append(Check("ssh-keygen", "ATTENTION", message, "install OpenSSH 8.2 or newer"))
    else:
        checks.append(Check("ssh-keygen", "OK", f"{keygen} ({version}) can sign"))
    return checks


def _history(view: View) -> list[Check]:
    if view.shallow:
        shallow = Check(
            "history",
            "FAIL",
            "this clone is shallow: merge bases and contributors may be missing",
            "git fetch --unshallow origin   (in GitHub Actions: fetch-depth: 0)",
        )
    else:
        shallow = Check("history", "OK", "the clone is not shallow")
    packs = view.repository.common_dir / "objects" / "pack"
    if any(packs.glob("*.promisor")):
        message = "this is a partial clone: objects the gate needs may not be here"
        return [
            shallow,
            Check("objects", "ATTENTION", message, "git fetch --refetch --no-filter origin"),
        ]
    return [shallow, Check("objects", "OK", "the clone is not partial")]


def _policies(view: View, tip: str) -> tuple[PolicySet | None, Check]:
    try:
        policies = compile_policies(read_judge(view, tip))
    except ConfigError as error:
        found = "; ".join(f"{one.place}: {one.message}" for one in error.findings[:3])
        message = f"{error.message}{f' ({found})' if found else ''}"
        return None, Check("policies", "FAIL", message, error.hint or "itil-gate lint")
    except SourceError as error:
        return None, Check("policies", "FAIL", f"{error.place}: {error.message}", "itil-gate lint")
    kinds = (
        policies.approvals,
        policies.risk_models,
        policies.change_models,
        policies.rule_sets,
        policies.external_checks,
        policies.calendars,
        policies.waivers,
    )
    count = sum(map(len, kinds))
    message = (
        f"the set of {tip[:12]} loads: {count} policy document(s), "
        f"{len(policies.people.persons)} person(s), {len(policies.services)} service(s)"
    )
    return policies, Check("policies", "OK", message)


def _prospects(policies: PolicySet, now: datetime) -> list[Check]:
    # Whoever has no key cannot sign, so on them no requirement can rest.
    keyless = {person.id for person in policies.people.persons if not person.keys}
    prospects = survey_prospects(policies, now=now, unable=keyless)
    checks = [_prospect(one) for one in prospects]
    if not policies.services:
        message = "the catalogue holds no service, so no request can name one"
        mend = f"describe one in {policies.config.locations.services}/"
        checks.insert(0, Check("services", "ATTENTION", message, mend))
    return checks


def _prospect(one: Prospect) -> Check:
    name = f"{one.level} risk"
    about = _some(one.services) if one.services else "any service"
    if not one.demands:
        return Check(
            name,
            "ATTENTION",
            f"{about}: no requirement applies, so every such change is refused",
            "add a requirement for the level to an ApprovalPolicy",
        )
    asked = "; ".join(f"{demand.needed} {demand.role}" for demand in one.demands)
    if not one.obstacles:
        return Check(name, "OK", f"{about}: whoever the author is, others can approve ({asked})")
    reasons = dict.fromkeys(
        f"{demand.id} needs {demand.needed} {demand.role}"
        for obstacle in one.obstacles
        for demand in obstacle.demands
    )
    because = "; ".join(reasons)
    mend = "name more people with a key in the role, or give the requirement a fallback role"
    if not one.possible:
        return Check(name, "FAIL", f"{about}: nobody's change can be approved: {because}", mend)
    who = _some(one.depends_on)
    return Check(
        name,
        "ATTENTION",
        f"{about}: depends on {who}, whose own changes nobody is left to approve: {because}",
        mend,
    )


def _people(policies: PolicySet) -> list[Check]:
    humans = [person for person in policies.people.persons if person.kind == "human"]
    checks = []
    looks: tuple[tuple[str, Callable[[int], str], list[str], str], ...] = (
        (
            "keys",
            lambda count: f"{count} person(s) have no SSH key and cannot sign an approval",
            [person.id for person in humans if not person.keys],
            "add the line of ~/.ssh/id_ed25519.pub to their keys in people.yaml",
        ),
        (
            "e-mails",
            lambda count: f"{count} person(s) have no e-mail, so no commit counts as theirs",
            [person.id for person in humans if not person.emails],
            "add the address they commit with to people.yaml",
        ),
    )
    for name, said, lacking, mend in looks:
        if lacking:
            message = f"{said(len(lacking))}: {_some(lacking)}"
            checks.append(Check(name, "ATTENTION", message, mend))
        else:
            checks.append(Check(name, "OK", f"all {len(humans)} humans have one"))
    return checks


def _identities(view: View, tip: str, roster: Roster, policies: PolicySet) -> Check:
    done = view.git("log", f"--max-count={COMMITS}", "--format=%ae%x00%ce%x00", tip)
    emails = done.out.decode("utf-8", "backslashreplace").split("\0")
    strangers = Counter(
        email.strip() for email in emails if email.strip() and not roster.by_address(email.strip())
    )
    if not strangers:
        message = f"every e-mail of the last {COMMITS} commits belongs to a person"
        return Check("identities", "OK", message)
    shown = _some([f"{email} ({count})" for email, count in strangers.most_common()])
    return Check(
        "identities",
        "ATTENTION",
        f"{len(strangers)} e-mail(s) of the last {COMMITS} commits belong to nobody: {shown}",
        f"list each under its person in {policies.config.locations.people}",
    )


def _approvals(view: View) -> Check:
    tips = approval_tips(view)
    short = APPROVALS_BRANCH.removeprefix("refs/heads/")
    if not tips:
        return Check(
            "approvals",
            "ATTENTION",
            f"there is no branch {short} here; the first `itil-gate approve` begins it",
            f"git fetch origin {short}   (if it exists there); protect it against force-push "
            "and deletion",
        )
    if len(tips) > 1:
        return Check(
            "approvals",
            "ATTENTION",
            f"the branch {short} differs between here and the remote; all copies are read",
            f"git push origin {short}",
        )
    where = "is here" if ref_tip(view, APPROVALS_BRANCH) else "was fetched"
    return Check("approvals", "OK", f"the branch {short} {where}")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
