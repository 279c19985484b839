"""The engine in our hands against the conformance data of the CEL specification.

The data come from the npm package @bufbuild/cel-spec (Apache-2.0), which carries the tests of
cel-spec; they are fetched at an exact version into a temporary folder and not kept. What policies
refuse has to be refused; whatever is accepted has to have the value of the specification, and an
error where the specification has one. Node and npm are needed; CI has to have them.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import shutil
import subprocess
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from support.conditions import PLACE

from itil_gate.expressions.engine import ENGINE_ERRORS
from itil_gate.expressions.environment import Compiled, Environment
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.peer
PACKAGE = "@bufbuild/cel-spec@0.6.1"  # the tests of cel-spec v0.25.1
SECTIONS = frozenset(
    {
        *("basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists"),
        *("logic", "macros", "parse", "plumbing", "string", "timestamps"),
    }
)
EXCLUDED = {
    "bindings_ext": "cel.bind is an extension that policies do not have",
    "block_ext": "cel.block is an extension that policies do not have",
    "dynamic": "google.protobuf.Struct, Any and wrappers occur in no model",
    "encoders_ext": "base64 is an extension that policies do not have",
    "enums": "models have literals, not enums of protobuf",
    "macros2": "macros of two variables are an extension that policies do not have",
    "math_ext": "math is an extension that policies do not have",
    "namespace": "variables of policies have no dots in their names",
    "network_ext": "addresses are an extension that policies do not have",
    "optionals": "optional values are an extension; has() is what policies have",
    "proto2": "the messages are made from models, and are proto3",
    "proto2_ext": "the messages are made from models, and are proto3",
    "proto3": "the messages of these tests are none of ours; presence is tested with our own",
    "string_ext": "more functions of texts are an extension that policies do not have",
    "type_deduction": "asks for types, not for values",
    "type_deductions": "asks for types, not for values",
    "unknowns": "values that are not known yet are errors here",
    "wrappers": "wrappers of protobuf occur in no model",
}
"""Sections of the data that are left out, and why."""
NEVER = {
    "values of no known type": re.compile(r"\bdyn\("),
    "types as values": re.compile(r"\btype\("),
    "null": re.compile(r"\bnull\b"),
    "records that are made": re.compile(r"TestAllTypes|google\.protobuf\.\w+\{"),
}
"""What occurs in no policy, wherever it stands."""
REFUSED = Path(__file__).with_name("conformance.yaml")
"""Every other test that has a value and is refused, and the rules that refuse it."""
QUOTED = re.compile(r"""[bBrR]*("[^"]*"|'[^']*')""")


class Case(NamedTuple):
    """One test of the specification."""

    name: str
    text: str
    variables: dict[str, Any] | None
    values: dict[str, Any]
    expected: tuple[str, object] | None


def fetch(folder: Path) -> Any:
    """Return the data of the package as npm has it."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        return missing("npm and node are not installed")
    packed = subprocess.run(
        [npm, "pack", "--silent", PACKAGE],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    archives = list(folder.glob("*.tgz"))
    if packed.returncode or not archives:
        return missing(f"npm cannot fetch {PACKAGE}: {packed.stderr[-300:]}")
    shutil.unpack_archive(archives[0], folder, filter="data")
    script = (
        'import {tests} from "./package/dist/esm/testdata/conformance.js";'
        "process.stdout.write(JSON.stringify(tests));"
    )
    (folder / "dump.mjs").write_text(script, encoding="utf-8")
    dumped = subprocess.run(
        [node, "dump.mjs"], cwd=folder, capture_output=True, timeout=120, check=True
    )
    return json.loads(dumped.stdout)


def missing(reason: str) -> None:
    """Fail where the data have to be had, and skip elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def suites(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return fetch(tmp_path_factory.mktemp("cel-spec"))["suites"]


def leaves(suite: Any, path: str) -> Iterator[Case]:
    for inner in suite.get("suites", ()):
        yield from leaves(inner, f"{path}/{inner['name']}")
    for test in suite.get("tests", ()):
        original = test["original"]
        fails = "evalError" in original or "anyEvalErrors" in original
        expected = None if fails else value(original.get("value", {"boolValue": True}))
        bound = original.get("bindings") or {}
        yield Case(
            f"{path}/{original['name']}",
            original["expr"],
            typed(original.get("typeEnv", ())),
            {name: value(each["value"])[1] for name, each in bound.items()},
            expected,
        )


def typed(declared: Any) -> dict[str, Any] | None:
    """Return the variables of a test, or None if policies have no such type."""
    variables = {}
    for each in declared:
        hint = _hint(each.get("ident", {}).get("type", {}))
        if hint is None:
            return None
        variables[each["name"]] = hint
    return variables


def _hint(type_: Mapping[str, Any]) -> Any:
    if "listType" in type_:
        item = _hint(type_["listType"].get("elemType", {}))
        return tuple[item, ...] if item else None
    known = {"INT64": int, "STRING": str, "BOOL": bool, "TIMESTAMP": datetime}
    return known.get(type_.get("primitive", type_.get("wellKnown")))


def value(written: Mapping[str, Any]) -> tuple[str, object]:
    """Return a value of the data as the engine's name of its type, and Python's value."""
    ((kind, content),) = written.items()
    if kind == "listValue":
        return "LIST", [value(each)[1] for each in content.get("values", ())]
    if kind == "mapValue":
        entries = content.get("entries", ())
        return "MAP", {value(each["key"])[1]: value(each["value"])[1] for each in entries}
    simple: dict[str, tuple[str, Any]] = {
        "int64Value": ("INT", int),
        "uint64Value": ("UINT", int),
        "doubleValue": ("DOUBLE", float),
        "stringValue": ("STRING", str),
        "boolValue": ("BOOL", bool),
        "bytesValue": ("BYTES", base64.b64decode),
    }
    if kind in simple:
        name, convert = simple[kind]
        return name, convert(content)
    return kind, content


def judged(case: Case) -> set[str] | Compiled[Any]:
    """Return an expression of the data as policies would have it, or the rules it breaks."""
    environment = _environment(tuple((case.variables or {}).items()))
    checked = environment.engine.check(case.text)
    type_ = "bool" if isinstance(checked, tuple) else checked.tree.type
    made = environment.compile(case.text, expect=(type_,), place=PLACE)
    return {finding.rule for finding in made} if isinstance(made, tuple) else made


@cache
def _environment(variables: tuple[tuple[str, Any], ...]) -> Environment:
    return Environment(dict(variables))


def evaluated(made: Compiled[Any], values: Mapping[str, Any]) -> tuple[str, object] | None:
    """Return type and value as the engine gives them, or None for an error."""
    try:
        result = made.program.eval(data=values)
    except ENGINE_ERRORS:
        return None
    kind = result.type().name().partition("<")[0]
    if kind == "ERROR":
        return None
    plain = result.plain_value()
    return kind, bytes(plain) if kind == "BYTES" else plain


def same(one: tuple[str, object] | None, other: tuple[str, object] | None) -> bool:
    if one and other and one[0] == other[0] == "DOUBLE":
        numbers = [float(str(one[1])), float(str(other[1]))]
        return numbers[0] == numbers[1] or all(map(math.isnan, numbers))
    return one == other


def never(case: Case) -> bool:
    """Tell whether something occurs in a test that occurs in no policy."""
    outside = QUOTED.sub("''", case.text)
    return any(pattern.search(outside) for pattern in NEVER.values())


def refusals(suites: Any) -> dict[str, str]:
    """Return the tests that have a value and are refused, without what occurs in no policy."""
    found = {}
    for case in cases(suites, SECTIONS):
        made = judged(case)
        if case.expected is not None and not isinstance(made, Compiled) and not never(case):
            found[case.name] = ", ".join(sorted(made))
    return found


def cases(suites: Any, sections: frozenset[str]) -> Iterator[Case]:
    """Yield the tests of some sections whose variables have types that policies have."""
    for suite in suites:
        if suite["name"] in sections:
            yield from (each for each in leaves(suite, suite["name"]) if each.variables is not None)


def test_every_section_of_the_data_is_played_or_left_out_for_a_reason(suites: Any) -> None:
    names = {suite["name"] for suite in suites}
    assert SECTIONS <= names <= SECTIONS | EXCLUDED.keys()


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_what_is_accepted_has_the_value_of_the_specification(suites: Any, section: str) -> None:
    agree, wrong = 0, []
    for case in cases(suites, frozenset([section])):
        made = judged(case)
        if isinstance(made, Compiled):
            agree += 1
            got = evaluated(made, case.values)
            if not same(got, case.expected):
                wrong.append(f"{case.name}: {case.text} is {got}, not {case.expected}")
    assert not wrong, "\n".join(wrong)
    assert agree >= LEAST[section]


LEAST = {
    "basic": 37,
    "comparisons": 135,
    "conversions": 65,
    "fields": 10,
    "fp_math": 29,
    "integer_math": 45,
    "lists": 16,
    "logic": 12,
    "macros": 32,
    "parse": 138,
    "plumbing": 3,
    "string": 51,
    "timestamps": 51,
}
"""How many tests of a section are accepted and agree; fewer means that more is refused."""


@pytest.mark.parametrize("what", NEVER)
def test_what_occurs_in_no_policy_is_refused(suites: Any, what: str) -> None:
    found = [
        case for case in cases(suites, SECTIONS) if NEVER[what].search(QUOTED.sub("''", case.text))
    ]
    assert found
    assert not [case.name for case in found if isinstance(judged(case), Compiled)]


def test_what_else_is_refused_is_in_the_table(suites: Any) -> None:
    table = parse(REFUSED.read_text(encoding="utf-8"), file=REFUSED.name).data
    assert refusals(suites) == table
