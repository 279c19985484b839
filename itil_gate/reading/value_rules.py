"""What the values of requests, configurations and policies must be."""

from __future__ import annotations

from itil_gate.reading.reading_rule import rule

_CONFIG = "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/acme/payments\n"

VALUE_RULES = (
    rule(
        "unknown-key",
        "config",
        (
            "A key is not known at its place.",
            "A misspelt key would be a rule that never applies.",
            "Correct the key; the message names the one that was probably meant.",
        ),
        bad=_CONFIG + "governd: [src/**]\n",
        good=_CONFIG + "governed: [src/**]\n",
    ),
    rule(
        "missing-key",
        "config",
        (
            "A mapping lacks a key that it must have.",
            "Nothing is assumed about what was not written.",
            "Add the key; the message says what it means.",
        ),
        bad="apiVersion: itil-gate/v1\nkind: Config\n",
        good=_CONFIG,
    ),
    rule(
        "wrong-type",
        "config",
        (
            "A value is of another sort than its key asks for, or a key has none.",
            "What is written holds: nothing is turned into another sort, or taken for left out.",
            "Write the sort of value the message names; quotes make a text.",
        ),
        bad=_CONFIG + "governed: src/**\n",
        good=_CONFIG + "governed: [src/**]\n",
    ),
    rule(
        "wrong-value",
        "request",
        (
            "A value is of the right sort and not among those that are accepted.",
            "A value nobody understands must not be passed on as if it were understood.",
            "Write one of the values, or in the form, that the message names.",
        ),
        bad="spec: {risk: moderate}\n",
        good="spec: {risk: medium}\n",
    ),
    rule(
        "unknown-version",
        "config",
        (
            "The document is of a format version this release does not know.",
            "A newer format may mean something else by the same words.",
            "Write a known version, or use a newer itil-gate.",
        ),
        bad=_CONFIG.replace("itil-gate/v1", "itil-gate/v9"),
        good=_CONFIG,
    ),
    rule(
        "wrong-glob",
        "request",
        (
            "A glob is written in a way that globs here do not have.",
            "A glob that silently matches nothing leaves paths uncovered.",
            "Count from the root, use * within a segment and ** as a whole segment, no negation.",
        ),
        bad='spec: {scope: ["src**"]}\n',
        good='spec: {scope: ["src/**"]}\n',
    ),
    rule(
        "unknown-timezone",
        "request",
        (
            "A time zone is not a name of the IANA database.",
            "Without the zone a local time is no moment, and a window or freeze is nowhere.",
            "Write a name such as Europe/Berlin.",
        ),
        bad="spec: {window: {timezone: Berlin}}\n",
        good="spec: {window: {timezone: Europe/Berlin}}\n",
    ),
    rule(
        "wrong-window",
        "request",
        (
            "A window or period ends before or when it starts.",
            "Such a span of time is empty and would meet no freeze and no other change.",
            "Let it end after it starts; end is exclusive.",
        ),
        bad='spec: {window: {start: "2026-11-25T22:00", end: "2026-11-25T21:00"}}\n',
        good='spec: {window: {start: "2026-11-25T22:00", end: "2026-11-25T23:00"}}\n',
    ),
    rule(
        "nonexistent-time",
        "request",
        (
            "A local time does not exist in its zone.",
            "When clocks go forward an hour is skipped; nothing can happen in it.",
            "Choose a time before or after the clocks are changed.",
        ),
        bad='spec: {window: {start: "2026-03-29T02:30", end: "2026-03-29T04:00"}}\n',
        good='spec: {window: {start: "2026-03-29T03:30", end: "2026-03-29T04:00"}}\n',
    ),
    rule(
        "ambiguous-time",
        "request",
        (
            "A local time comes twice in its zone.",
            "When clocks go back an hour is repeated; the longest span is taken.",
            "Choose a time outside that hour if it matters.",
        ),
        bad='spec: {window: {start: "2026-10-25T02:30", end: "2026-10-25T04:00"}}\n',
        good='spec: {window: {start: "2026-10-25T03:30", end: "2026-10-25T04:00"}}\n',
        effect="advise",
    ),
    rule(
        "missing-model",
        "request",
        (
            "A standard change names no change model.",
            "A standard change is one that its model has authorised beforehand.",
            "Name the model, or ask for a normal change.",
        ),
        bad="spec: {type: standard}\n",
        good="spec: {type: standard, model: certificate-rotation}\n",
    ),
    rule(
        "wrong-file-name",
        "request",
        (
            "A request's file is not named after its id, or lies in the folder of another year.",
            "Approvals and records find a request by its id; one id must be one file.",
            "Name the file <id>.yaml, and let a folder that is a year be the year of the id.",
        ),
        bad="metadata: {id: CHG-2025-7K3QX9ZB}\n",
        good="metadata: {id: CHG-2026-7K3QX9ZB}\n",
    ),
    rule(
        "wrong-extension",
        "prose",
        (
            "An x-… field is not as the organisation's own JSON Schema asks.",
            "The fields are the organisation's; what its schema does not know, nobody checks.",
            "Write what the message asks for, or have the schema changed first.",
        ),
        bad="x-cost-centre: unknown, where the schema asks for a number",
        good="x-cost-centre: 4711",
    ),
)
