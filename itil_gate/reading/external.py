"""Results of other policy tools: conftest's JSON, SARIF 2.1.0 and in-toto test results.

The content shows which of them a file is. Whatever is not wholly one of them is a fault, and so is
a tool that says it did not finish: a file that cannot be read must never look like a pass.
"""

from __future__ import annotations

import hashlib
from typing import Any

from itil_gate.model.facts import ExternalResult
from itil_gate.reading.results import Results, UnreadableError, kept, parse_json


def read_external(data: bytes, *, name: str) -> ExternalResult:
    """Return the results in a file's bytes, or the fault for which there are none. Never raises.

    `name` is that of the ExternalCheck they answer. Failures keep the tool's own rule ids and deny;
    warnings of conftest and notes of SARIF advise.
    """
    digest = hashlib.sha256(data).hexdigest()
    try:
        document = parse_json(data)
    except UnreadableError as error:
        return ExternalResult(name=name, digest=digest, tests=0, fault=str(error))
    return read_results(document, name=name, digest=digest)


def read_results(document: Any, *, name: str, digest: str) -> ExternalResult:
    """Return the results in a JSON value, or the fault for which there are none. Never raises.

    `digest` is the SHA-256 of the file that the value came in.
    """
    try:
        found = _read(document)
    except UnreadableError as error:
        return ExternalResult(name=name, digest=digest, tests=0, fault=str(error))
    return ExternalResult(
        name=name,
        digest=digest,
        format=found.format,
        tests=found.tests,
        failures=kept(found.findings),
    )


def _read(document: Any) -> Results:
    if isinstance(document, list):
        from itil_gate.reading.conftest_results import read_conftest  # noqa: PLC0415 - seldom asked

        return read_conftest(document)
    if isinstance(document, dict) and "runs" in document:
        from itil_gate.reading.sarif_results import read_sarif  # noqa: PLC0415 - seldom asked

        return read_sarif(document)
    if isinstance(document, dict) and "result" in document:
        from itil_gate.reading.test_results import read_test_result  # noqa: PLC0415 - seldom asked

        return read_test_result(document)
    raise UnreadableError(
        "it is neither conftest's JSON, which is a list, nor SARIF with its runs, nor an in-toto "
        "test result"
    )
