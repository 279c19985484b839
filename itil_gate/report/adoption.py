"""The files with which a repository adopts the gate, for people who have never seen one.

Texts from a few facts; nothing is looked up and nothing written. Example people are marked, have
addresses nobody owns and no keys: they can be counted on paper and can never approve.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate import __version__
from itil_gate.model.frozen import frozen
from itil_gate.model.people import PEER
from itil_gate.reading.yaml import parse
from itil_gate.report.request_file import RequestDraft, request_file
from itil_gate.report.yaml_text import scalar, schema_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

REVIEW = timedelta(days=180)
"""After how long policies are looked at again, unless their owner says otherwise."""
WORKFLOW = ".github/workflows/itil-gate.yml"
_REVIEW_BY = re.compile(
    r"^(\s*(?:reviewBy: |recertifyBy: |expect: daysUntil\(\"))[0-9-]{10}", re.MULTILINE
)
_EXPIRES = re.compile(r"^(\s*expires: )[0-9-]{10}", re.MULTILINE)
_CATALOG_SCHEMA = "https://json.schemastore.org/catalog-info.json"
_WORKFLOW_SCHEMA = "https://json.schemastore.org/github-workflow.json"


@frozen
class Founder:
    """Whoever adopts the gate, as far as git and SSH say; `key` is a public key line."""

    id: str
    name: str
    email: str
    key: str | None


@frozen
class Adoption:
    """What is known of the repository."""

    repository: str
    target: str
    founder: Founder | None
    change: str
    """Id for the example request."""
    today: date


def adoption_files(adoption: Adoption, policies: Mapping[str, str]) -> dict[str, str]:
    """Return every file by its path from the root of the repository, in reading order.

    `policies` are the files of a profile and those it extends, by their path below the policy
    folder; their review dates are set anew.
    """
    texts = {
        "itil-gate.yaml": dated(_config(adoption), adoption.today),
        "people.yaml": _people(adoption, _roles_asked(policies)),
        "services/example.yaml": _SERVICE,
        **{f"policies/{path}": dated(text, adoption.today) for path, text in policies.items()},
        "policies/holidays.yaml": dated(_HOLIDAYS, adoption.today),
        "calendar/example.ics": _ICS.replace("\n", "\r\n"),
        WORKFLOW: _WORKFLOW.replace("@version@", __version__),
    }
    example = f"changes/{adoption.change.split('-')[1]}/{adoption.change}.yaml"
    return {**texts, example: _example(adoption, [*texts])}


def dated(text: str, today: date) -> str:
    """Return a shipped policy with its days counted from today: reviews, and ends of models."""
    text = _REVIEW_BY.sub(rf"\g<1>{today + REVIEW}", text)
    return _EXPIRES.sub(rf"\g<1>{today + 2 * REVIEW}", text)


def _roles_asked(policies: Mapping[str, str]) -> tuple[str, ...]:
    """Return the roles that approval policies ask for beside those everybody has, sorted."""
    requirements = [
        requirement
        for path, text in policies.items()
        if path.endswith("approvals.yaml")
        for requirement in parse(text, file=path).data["spec"]["requirements"]
    ]
    asked = {one.get(key) for one in requirements for key in ("role", "fallback")}
    return tuple(sorted(asked - {None, PEER, *_USUAL}))


def _config(adoption: Adoption) -> str:
    return schema_line("config") + _CONFIG.replace(
        "@repository@", scalar(adoption.repository)
    ).replace("@target@", scalar(adoption.target))


def _people(adoption: Adoption, roles: tuple[str, ...]) -> str:
    founder = adoption.founder
    text = schema_line("people") + _PEOPLE_HEAD
    if founder is None:
        text += _example_person("example-developer", "Example Developer")
    else:
        text += (
            f"  - id: {founder.id}\n    name: {scalar(founder.name)}\n"
            f"    emails: [{scalar(founder.email)}]\n"
        )
        if founder.key:
            text += f"    keys:\n      - {scalar(founder.key)}\n"
        else:
            text += (
                "    # No SSH key was found. Add the line of ~/.ssh/id_ed25519.pub, or nobody can "
                "tell\n    # that a commit or an approval is yours:\n    # keys:\n"
                "    #   - ssh-ed25519 AAAA… you@example.com\n"
            )
    first = founder.id if founder else "example-developer"
    text += "\n  # Examples: replace them by your colleagues, each with e-mails and SSH keys.\n"
    for person, name in _EXAMPLES.items():
        text += _example_person(person, name)
    for role in roles:
        for number in _NUMBERS:
            title = role.replace("-", " ").title()
            text += _example_person(f"example-{role}-{number}", f"Example {title} {number}")
    text += _ROLES.replace("@first@", first)
    for role in roles:
        members = ", ".join(f"example-{role}-{number}" for number in _NUMBERS)
        text += f"  - role: {role}\n    members: [{members}]\n"
    return text


def _example_person(person: str, name: str) -> str:
    return f"  - id: {person} # EXAMPLE\n    name: {name}\n    emails: [{person}@example.invalid]\n"


def _example(adoption: Adoption, paths: list[str]) -> str:
    folders = dict.fromkeys(
        path if "/" not in path or path == WORKFLOW else f"{path.split('/')[0]}/**"
        for path in paths
    )
    draft = RequestDraft(
        id=adoption.change,
        title="Adopt the change gate",
        requester=adoption.founder.id if adoption.founder else "example-developer",
        type="normal",
        services=("example",),
        environments=("production",),
        scope=tuple(folders),
        reason="An example of a change request; it goes with the files that itil-gate init wrote.",
        level="high",
        example_day=f"{adoption.today + timedelta(days=7):%Y-%m-%d}",
    )
    return request_file(draft)


_EXAMPLES = {
    "example-owner": "Example Owner",
    "example-authority-1": "Example Authority One",
    "example-authority-2": "Example Authority Two",
}

_USUAL = frozenset({"service-owner", "change-authority"})
"""The roles that every profile asks for; other profiles ask for more."""
_NUMBERS = (1, 2)
"""Two examples for each further role: the second where the first wrote the change."""

_CONFIG = """\
#
# The change gate of this repository. The gate reads this file, and everything it points to, from
# the tip of the target branch and never from a pull request. Reference: `itil-gate schema config`.
apiVersion: itil-gate/v1
kind: Config

# What approvals are bound to: an approval for one repository is worth nothing in another.
repository: @repository@

# The branches that the gate guards.
targets:
  - @target@

# Paths that need a change request. Without this entry: all of them.
# governed: ["src/**", "deploy/**"]

# Paths that need none, each with a reason and a day to look at it again. Policies, people,
# workflows and this file cannot be exempt.
exempt:
  - paths: ["reviews/**"]
    reason: >-
      A review says how a change went that was authorised before, and lets nothing in. Whoever owes
      one must be able to file it; the gate reads who reviewed what, and when.
    reviewBy: 2027-06-30
#  - paths: ["docs/**"]
#    reason: Prose runs nowhere.
#    reviewBy: 2027-06-30

# Which paths take effect where. A request must name the environments its paths belong to.
environments:
  - name: production
    paths: ["deploy/**"]

# To try it out first: report what enforcement would do, for at most 90 days, then enforce.
# mode: audit
# auditUntil: 2027-01-31
"""

_PEOPLE_HEAD = """\
#
# Who is who. Approvals count distinct persons of this file, so every e-mail, account and SSH key
# belongs to exactly one of them; an approval is believed because of the key listed here.
apiVersion: itil-gate/v1
kind: People
persons:
"""

_ROLES = """\

# Who may approve what, by role; policies/*/approvals.yaml says when a role is asked. The role
# `peer` is built in: every human above. For some services only: add `services: [name]`.
roles:
  - role: service-owner
    members: [@first@, example-owner]
  - role: change-authority
    members: [example-owner, example-authority-1, example-authority-2]
"""

_SERVICE = (
    schema_line(_CATALOG_SCHEMA)
    + """\
#
# A service, as Backstage describes it. Requests name the services they change; a changed path
# belongs to every service whose `paths` hold it. Describe your own, one document each.
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: example
  title: Everything in this repository
  annotations:
    itil-gate.dev/tier: "3" # 1 is the most critical, 5 the least
    itil-gate.dev/paths: "**" # several globs are separated by spaces
spec:
  type: service
  lifecycle: production
  owner: example-owner # for display; who approves is a role in people.yaml
"""
)

_HOLIDAYS = (
    schema_line("calendar")
    + """\
#
# A calendar of your own beside those of the profile, from an iCalendar file that other programs can
# read and write. Documents outside of the profile folders are the highest layer: one with the kind
# and name of a profile's takes its place.
apiVersion: itil-gate/v1
kind: Calendar
metadata:
  name: holidays
  title: Public holidays
  owner: change-authority
  reviewBy: 2027-06-30
spec:
  files:
    - path: calendar/example.ics
      means: freeze
      scope:
        tiers: [1]
        environments: [production]
"""
)

_ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//itil-gate//example//EN
BEGIN:VEVENT
UID:new-year@example.invalid
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:20270101
DTEND;VALUE=DATE:20270102
RRULE:FREQ=YEARLY
SUMMARY:New Year's Day (an example; policies/holidays.yaml names this file)
END:VEVENT
END:VCALENDAR
"""

_WORKFLOW = (
    schema_line(_WORKFLOW_SCHEMA)
    + """\
#
# Advisory: with the event `pull_request` GitHub runs this file as the pull request has it, so it
# tells the author what is missing and binds nobody. To make it binding, let an organisation
# ruleset require a workflow that lives elsewhere (set-up A), or run it from the default branch
# with an App that posts the status (set-up B): docs/how-to/github-action.md of itil-gate has both,
# whole, with the action itil-gate/itil-gate in the place of the last two steps.
name: Change gate (advisory)

on:
  pull_request:

permissions: {}

concurrency:
  group: itil-gate-${{ github.ref }}
  cancel-in-progress: true

jobs:
  check:
    name: itil-gate check
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    permissions:
      contents: read # to fetch commits; nothing is written
    steps:
      - name: Fetch the whole history, leaving no token behind
        uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          ref: ${{ github.event.pull_request.head.sha }}
          fetch-depth: 0
          persist-credentials: false

      - name: Set up Python
        uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
        with:
          python-version: "3.12"

      # Outside of the checkout and isolated: no file of the pull request is imported or obeyed.
      - name: Install the gate
        working-directory: ${{ runner.temp }}
        run: |
          python -I -m venv gate
          gate/bin/python -I -m pip install --isolated --disable-pip-version-check \\
            "itil-gate==@version@"

      - name: Decide
        working-directory: ${{ runner.temp }}
        env:
          BASE: refs/remotes/origin/${{ github.base_ref }}
          HEAD: ${{ github.event.pull_request.head.sha }}
        run: |
          gate/bin/python -I gate/bin/itil-gate check \\
            --repo "$GITHUB_WORKSPACE" --base "$BASE" --head "$HEAD"
"""
)
