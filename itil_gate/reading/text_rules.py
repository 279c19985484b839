"""What a text must be before it is a document at all."""

from __future__ import annotations

from itil_gate.reading.reading_rule import rule

_TWO_KINDS = "A text that two programs read differently can be approved as one and act as another."


TEXT_RULES = (
    rule(
        "not-utf8",
        "bytes",
        (
            "The file is not UTF-8.",
            "Other encodings show different texts to different readers.",
            "Save the file as UTF-8.",
        ),
        bad="title: Caf\xe9\n",
        good="title: Cafe\n",
    ),
    rule(
        "byte-order-mark",
        "text",
        (
            "The file begins with a byte order mark.",
            "It is invisible, and some programs take it for part of the first key.",
            "Save the file as UTF-8 without a byte order mark.",
        ),
        bad="\ufeffkind: Config\n",
        good="kind: Config\n",
    ),
    rule(
        "control-character",
        "text",
        (
            "A text has a character that is invisible or reorders what is shown.",
            "Whoever approves the text must see what it says.",
            "Remove the character, and end lines with a line feed.",
        ),
        bad="title: Rotate \u202ekeys\n",
        good="title: Rotate keys\n",
    ),
    rule(
        "too-large",
        "prose",
        (
            "The file is larger than 1 MiB or has more than 100,000 keys and values.",
            "Reading takes a bounded time, whatever is put into a pull request.",
            "Split the file, or link to what is long.",
        ),
        bad="a request with a log file of 2 MB pasted into it",
        good="a request that links to the log file",
    ),
    rule(
        "too-deep",
        "text",
        (
            "Lists and mappings are nested more than 64 deep.",
            "Deep nesting has crashed parsers; no document here needs it.",
            "Flatten the data.",
        ),
        bad="[" * 65 + "]" * 65,
        good="[" * 64 + "]" * 64,
    ),
    rule(
        "not-yaml",
        "text",
        (
            "The text is not YAML.",
            "What cannot be read cannot be approved.",
            "Correct the line; quote texts that contain a colon and a space.",
        ),
        bad="title: Rotate keys: production\n",
        good='title: "Rotate keys: production"\n',
    ),
    rule(
        "empty-document",
        "text",
        (
            "There is no document where one is expected.",
            "Nothing is not the same as a document that asks for nothing.",
            "Write the document, or remove the file or the --- before it.",
        ),
        bad="# to be written\n",
        good="kind: Config\n",
    ),
    rule(
        "many-documents",
        "text",
        (
            "A file that holds one document has a second one.",
            "A reader that stops after the first would never see it.",
            "Keep one document in each file.",
        ),
        bad="kind: Config\n---\nkind: People\n",
        good="kind: Config\n",
    ),
    rule(
        "yaml-directive",
        "text",
        (
            "The file begins with a % directive.",
            "Directives change what the text below them means.",
            "Remove the line.",
        ),
        bad="%YAML 1.1\n---\nkind: Config\n",
        good="---\nkind: Config\n",
    ),
    rule(
        "yaml-tag",
        "text",
        (
            "A value has a tag.",
            "Tags make programs build objects out of texts; values here are plain data.",
            "Leave the tag away, and quote the value if it is meant as a text.",
        ),
        bad="id: !!str 123\n",
        good='id: "123"\n',
    ),
    rule(
        "yaml-alias",
        "text",
        (
            "The file uses an anchor or an alias.",
            "A value would stand in one place and act in another; nested ones grow without bound.",
            "Write the value out, and quote a text that begins with & or *.",
        ),
        bad="scope: [*.yaml]\n",
        good='scope: ["*.yaml"]\n',
    ),
    rule(
        "yaml-merge",
        "text",
        (
            "The file uses the merge key <<.",
            "Some programs merge, some keep a key named <<. " + _TWO_KINDS,
            "Write the keys out.",
        ),
        bad="plans: {<<: {test: staging}}\n",
        good="plans: {test: staging}\n",
    ),
    rule(
        "duplicate-key",
        "text",
        (
            "A key is given twice in one mapping.",
            "Some programs take the first value, some the last. " + _TWO_KINDS,
            "Keep one of the two.",
        ),
        bad="risk: high\nrisk: low\n",
        good="risk: high\n",
    ),
    rule(
        "wrong-key",
        "text",
        (
            "A key is not a text.",
            "Numbers, true, null and lists as keys are read differently by different programs.",
            "Write the key in quotes, or name it.",
        ),
        bad="2026: planned\n",
        good='"2026": planned\n',
    ),
)
