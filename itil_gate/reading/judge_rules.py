"""What rosters, catalogues and calendars must be, beyond their single values."""

from __future__ import annotations

from itil_gate.reading.reading_rule import rule

_PEOPLE = "apiVersion: itil-gate/v1\nkind: People\n"
_ENTITY = "apiVersion: backstage.io/v1alpha1\nkind: Component\n"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPm2fLC6+UxTA9rfDcEH0RyfTm6BHVxE2D0Z7mTdCWzI"

JUDGE_RULES = (
    rule(
        "duplicate-person",
        "people",
        (
            "Two persons have the same id.",
            "Approvals count persons by id; one id must be one person.",
            "Give each person an id of their own.",
        ),
        bad=_PEOPLE + "persons: [{id: kim, name: Kim Bo}, {id: kim, name: Kim Ito}]\n",
        good=_PEOPLE + "persons: [{id: kim, name: Kim Bo}, {id: kim-ito, name: Kim Ito}]\n",
    ),
    rule(
        "shared-identity",
        "people",
        (
            "An e-mail, account or key is listed twice.",
            "What two people share proves nothing about either of them.",
            "List it once, under the person whose it is.",
        ),
        bad=_PEOPLE + "persons:\n"
        "  - {id: alice, name: Alice Archer, emails: [ops@example.com]}\n"
        "  - {id: bob, name: Bob Baker, emails: [Ops@example.com]}\n",
        good=_PEOPLE + "persons:\n"
        "  - {id: alice, name: Alice Archer, emails: [alice@example.com]}\n"
        "  - {id: bob, name: Bob Baker, emails: [bob@example.com]}\n",
    ),
    rule(
        "broken-key",
        "people",
        (
            "An SSH key is cut short or says another type than it is.",
            "Nobody can sign with it, and the person would be missed when they must.",
            "Copy the line from the .pub file again.",
        ),
        bad=_PEOPLE + f"persons: [{{id: kim, name: Kim Bo, keys: [{_KEY[:30]}]}}]\n",
        good=_PEOPLE + f"persons: [{{id: kim, name: Kim Bo, keys: [{_KEY}]}}]\n",
    ),
    rule(
        "unlisted-person",
        "people",
        (
            "A role, delegation or sponsor names a person who is not in the file.",
            "A requirement may count on somebody who cannot be identified.",
            "Add the person, or correct the id.",
        ),
        bad=_PEOPLE + "persons: [{id: kim, name: Kim Bo}]\nroles: [{role: cab, members: [kin]}]\n",
        good=_PEOPLE + "persons: [{id: kim, name: Kim Bo}]\nroles: [{role: cab, members: [kim]}]\n",
    ),
    rule(
        "agent-without-sponsor",
        "people",
        (
            "An agent has no sponsor, or one who is not human.",
            "A human answers for what an agent does, and may not approve it.",
            "Name the human who answers for it.",
        ),
        bad=_PEOPLE + "persons: [{id: fixer, name: Fixer, kind: agent}]\n",
        good=_PEOPLE + "persons:\n  - {id: kim, name: Kim Bo}\n"
        "  - {id: fixer, name: Fixer, kind: agent, sponsor: kim}\n",
    ),
    rule(
        "reserved-role",
        "people",
        (
            "The file grants the built-in role peer.",
            "Every human in the file is a peer; a grant would seem to narrow that and would not.",
            "Give the role another name.",
        ),
        bad=_PEOPLE + "persons: [{id: kim, name: Kim Bo}]\nroles: [{role: peer, members: [kim]}]\n",
        good=_PEOPLE + "persons: [{id: kim, name: Kim Bo}]\nroles: [{role: sre, members: [kim]}]\n",
    ),
    rule(
        "wrong-delegation",
        "people",
        (
            "A delegation is to oneself, or ends before it begins.",
            "It lends nothing, and whoever wrote it believes that it does.",
            "Name another person, and let the end lie after the start.",
        ),
        bad=_PEOPLE + "persons: [{id: kim, name: Kim Bo}, {id: bo, name: Bo Ek}]\n"
        "delegations:\n"
        "  - {delegator: kim, delegate: bo, role: cab,\n"
        "     start: 2026-12-02T00:00Z, end: 2026-12-01T00:00Z}\n",
        good=_PEOPLE + "persons: [{id: kim, name: Kim Bo}, {id: bo, name: Bo Ek}]\n"
        "delegations:\n"
        "  - {delegator: kim, delegate: bo, role: cab,\n"
        "     start: 2026-12-01T00:00Z, end: 2026-12-02T00:00Z}\n",
    ),
    rule(
        "look-alike-name",
        "people",
        (
            "Two persons' names look the same.",
            "An approver may take one for the other; letters of other scripts can hide in a name.",
            "Tell them apart, for example by a middle name.",
        ),
        bad=_PEOPLE + "persons: [{id: bob, name: Bob Cole}, {id: bob2, name: B\u043eb Cole}]\n",
        good=_PEOPLE + "persons: [{id: bob, name: Bob Cole}, {id: bob2, name: Bob T. Cole}]\n",
        effect="advise",
    ),
    rule(
        "wrong-tier",
        "services",
        (
            "A service's tier is not one of 1 to 5.",
            "Risk and freezes depend on the tier; an unknown one would count as none.",
            'Write a tier from "1", the most critical, to "5".',
        ),
        bad=_ENTITY + 'metadata: {name: api, annotations: {itil-gate.dev/tier: "0"}}\n',
        good=_ENTITY + 'metadata: {name: api, annotations: {itil-gate.dev/tier: "1"}}\n',
    ),
    rule(
        "wrong-reference",
        "services",
        (
            "A dependency is not an entity reference of Backstage.",
            "A dependency that leads nowhere leaves services out of the blast radius.",
            "Write a name, or kind:namespace/name.",
        ),
        bad=_ENTITY + "metadata: {name: api}\nspec: {dependsOn: [component:default/]}\n",
        good=_ENTITY + "metadata: {name: api}\nspec: {dependsOn: [component:default/db]}\n",
    ),
    rule(
        "duplicate-service",
        "services",
        (
            "Two entities of a file have the same name.",
            "A request names services by name alone; one name must be one service.",
            "Give each entity its own name.",
        ),
        bad=_ENTITY + "metadata: {name: api}\n---\n" + _ENTITY + "metadata: {name: api}\n",
        good=_ENTITY + "metadata: {name: api}\n---\n" + _ENTITY + "metadata: {name: web}\n",
    ),
    rule(
        "wrong-calendar",
        "ics",
        (
            "An iCalendar file is broken or has an event that cannot be read.",
            "A freeze that is dropped in silence protects nobody.",
            "Export the calendar again, or mend the line.",
        ),
        bad="BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Freeze\nEND:VEVENT\nEND:VCALENDAR\n",
        good="BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Freeze\n"
        "DTSTART;VALUE=DATE:20261224\nEND:VEVENT\nEND:VCALENDAR\n",
    ),
)
