"""Small faults that policies might have: one change each, of a document as plain data.

They are the slips of people who edit policies: a bound off by one, `>` for `>=`, a quorum too
small, a rule that only advises, a part that is gone. What a slip means for the tests is said with
it, so that a slip nobody notices names the test that is missing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from itil_gate.model.base import LEVELS
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.reading.document import Path

_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"|(?P<sign>>=|<=|==|!=|&&|\|\||[<>])|(?P<number>(?<![\w.])[0-9]+(?![\w.]))"
)
_FLIPPED = {
    ">=": ">",
    ">": ">=",
    "<=": "<",
    "<": "<=",
    "==": "!=",
    "!=": "==",
    "&&": "||",
    "||": "&&",
}
MOST_SCORE = 100


class _Gone:
    """Stands for a value that is taken away."""


GONE: Any = _Gone()


@frozen
class Slip:
    """One change of one document: which value becomes what, and how a test would notice."""

    path: Path
    value: Any
    """The new value, or GONE."""
    words: str
    missing: str
    """The test that would notice it."""


def slips(data: Any, *, scores: frozenset[int] = frozenset()) -> Iterator[Slip]:
    """Yield every slip of a document, in the order of its text.

    `scores` are those that changes can have, of a risk model with bands: to move the end of a band
    past a score that no change has would make no difference.
    """
    kinds = {
        "ApprovalPolicy": _approvals,
        "RiskModel": _risk,
        "RuleSet": _rules,
        "ChangeModel": _model,
        "ExternalCheck": _external,
        "Calendar": _calendar,
    }
    if isinstance(data, dict) and data.get("kind") in kinds:
        yield from kinds[data["kind"]](data["spec"])
        yield from _bands(data["spec"].get("bands", ()), scores)


def applied(data: Any, path: Path, value: Any) -> Any:
    """Return plain data with one value replaced or taken away; lists come out as lists."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(data, dict):
        changed = {key: item for key, item in data.items() if key != step or rest}
        if rest:
            changed[str(step)] = applied(data[step], rest, value)
        elif value is not GONE:
            changed = {**data, str(step): value}
        return changed
    items = list(data)
    if not rest and value is GONE:
        del items[int(step)]
    else:
        items[int(step)] = applied(items[int(step)], rest, value)
    return items


def expression_slips(text: str) -> Iterator[tuple[str, str]]:
    """Yield an expression with one comparison flipped or one number moved, and what was done."""
    for match in _TOKEN.finditer(text):
        if match["text"]:
            continue
        found = match[0]
        if match["sign"]:
            others = [_FLIPPED[found]]
        else:
            number = int(found)
            others = [str(number + 1), *([str(number - 1)] if number else [])]
        for other in others:
            changed = f"{text[: match.start()]}{other}{text[match.end() :]}"
            yield changed, f"{found} becomes {other} in {text}"


def _approvals(spec: dict[str, Any]) -> Iterator[Slip]:
    requirements = spec["requirements"]
    for index, one in enumerate(requirements):
        at: Path = ("spec", "requirements", index)
        name, role = one["id"], one["role"]
        if len(requirements) > 1:
            missing = f"a case in which {name} is asked, with `missing: [{role}]`"
            yield Slip(at, GONE, f"the requirement {name} is gone", missing)
        if "percent" not in one:
            yield from _quorum(one, at)
        for key, words in (("levels", "at {} risk"), ("lanes", "in the lane {}")):
            entries = one.get(key, ())
            for place, entry in enumerate(entries if len(entries) > 1 else ()):
                where = words.format(entry)
                text = f"a case {where} in which {name} is asked, with `missing`"
                yield Slip((*at, key, place), GONE, f"{name} is not asked {where}", text)
        if "fallback" in one:
            said = f"nobody stands in for {role} at {name}"
            text = f"a case in which the only {role} is the author, and {one['fallback']} approved"
            yield Slip((*at, "fallback"), GONE, said, text)
        yield from _condition(one, at, "when", f"the requirement {name}")


def _quorum(one: dict[str, Any], at: Path) -> Iterator[Slip]:
    role, wanted = one["role"], one.get("min", 1)
    for number in (wanted - 1, wanted + 1):
        if number > 0:
            said = f"{one['id']} asks for {number} instead of {wanted}"
            text = f"a case in which {min(number, wanted)} of {role} approved, with "
            text += f"`missing: [{role}]`" if number < wanted else "nothing missing"
            yield Slip((*at, "min"), number, said, text)


def _risk(spec: dict[str, Any]) -> Iterator[Slip]:
    for index, one in enumerate(spec.get("floors", ())):
        at: Path = ("spec", "floors", index)
        name, level = one["id"], one["level"]
        text = f"a case that meets only the floor {name}, with `level: {level}`"
        yield Slip(at, GONE, f"the floor {name} is gone", text)
        yield from _condition(one, at, "when", f"the floor {name}")
    for index, one in enumerate(spec.get("factors", ())):
        at = ("spec", "factors", index)
        name, points = one["id"], one["points"]
        text = f"a case that meets the factor {name}, with the `score` it leads to"
        yield Slip(at, GONE, f"the factor {name} is gone", text)
        for number in (points - 1, points + 1):
            if 0 <= number <= MOST_SCORE:
                said = f"{name} gives {number} points instead of {points}"
                yield Slip((*at, "points"), number, said, text)
        yield from _condition(one, at, "when", f"the factor {name}")
    if "unreviewable" in spec:
        yield from _unreviewable(spec["unreviewable"])
    if "bands" not in spec:
        default = spec.get("default", "low")
        above = LEVELS[min(LEVELS.index(default) + 1, len(LEVELS) - 1)]
        if above != default:
            text = f"a case without any floor, with `level: {default}`"
            yield Slip(("spec", "default"), above, f"the default risk is {above}", text)


def _unreviewable(terms: dict[str, Any]) -> Iterator[Slip]:
    at: Path = ("spec", "unreviewable")
    text = "a case that nobody can review, with the `score` or `level` it leads to"
    yield Slip(at, GONE, "nothing is said of what nobody can review", text)
    for key, words in (("lines", "{} changed lines"), ("lineLength", "a new line of {} bytes")):
        limit = terms.get(key)
        for number in () if limit is None else (limit - 1, limit + 1):
            said = f"{words.format(number)} can be reviewed instead of {limit}"
            missing = f"a case with {words.format(max(limit, number))}"
            yield Slip((*at, key), number, said, missing)
    for index, glob in enumerate(terms.get("exempt", ())):
        said, missing = f"{glob} is not exempt", f"a case with a binary file that matches {glob}"
        yield Slip((*at, "exempt", index), GONE, said, missing)
    points = terms.get("points")
    for number in () if points is None else (points - 1, points + 1):
        if 0 <= number <= MOST_SCORE:
            said = f"what nobody can review gives {number} points instead of {points}"
            yield Slip((*at, "points"), number, said, text)


def _bands(bands: Sequence[dict[str, Any]], scores: frozenset[int]) -> Iterator[Slip]:
    for index, one in enumerate(bands[:-1]):
        end, level, above = one["upTo"], one["level"], bands[index + 1]["level"]
        for number, moved, now in ((end - 1, end, level), (end + 1, end + 1, above)):
            if moved in scores:
                said = f"{level} ends at {number} instead of {end}"
                text = f"a case with the score {moved}, which is {now}"
                yield Slip(("spec", "bands", index, "upTo"), number, said, text)


def _rules(spec: dict[str, Any]) -> Iterator[Slip]:
    for name, text in spec.get("variables", {}).items():
        for changed, said in expression_slips(text):
            missing = f"a case at the bound of the variable {name}"
            yield Slip(("spec", "variables", name), changed, f"{name}: {said}", missing)
    rules = spec["rules"]
    for index, one in enumerate(rules):
        at: Path = ("spec", "rules", index)
        name, enforcement = one["id"], one.get("enforcement", "soft")
        text = f"a case that breaks {name}, with `rules: {{{name}: UNSATISFIED}}`"
        if len(rules) > 1:
            yield Slip(at, GONE, f"the rule {name} is gone", text.replace("UNSATISFIED", "…"))
        if enforcement != "advisory" and one.get("mode") != "audit":
            said = f"{name} is advisory instead of {enforcement}"
            yield Slip((*at, "enforcement"), "advisory", said, text)
        if "when" in one:
            said = f"{name} applies to every change"
            missing = f"a case to which {name} does not apply, NOT_APPLICABLE"
            yield Slip((*at, "when"), GONE, said, missing)
        yield from _condition(one, at, "when", f"the rule {name}")
        yield from _condition(one, at, "expect", f"the rule {name}")


def _model(spec: dict[str, Any]) -> Iterator[Slip]:
    for key in ("files", "services", "deletions"):
        limit = spec.get("limits", {}).get(key)
        if limit is not None:
            said = f"the limit of {key} is {limit + 1} instead of {limit}"
            text = f"a case with {limit + 1} {key} that does not fit the model"
            yield Slip(("spec", "limits", key), limit + 1, said, text)
    if "risk" in spec.get("limits", {}):
        text = "a case of the model whose risk is too high"
        yield Slip(("spec", "limits", "risk"), GONE, "the limit of risk is gone", text)
    if spec.get("paths"):
        text = "a case of the model with a path outside of it"
        yield Slip(("spec", "paths"), ["**"], "the model allows every path", text)
    for index, one in enumerate(spec.get("fields", ())):
        said, text = f"{one['path']} is not asked for", f"a case of the model about {one['path']}"
        yield Slip(("spec", "fields", index), GONE, said, text)
    for index, one in enumerate(spec.get("checks", ())):
        at: Path = ("spec", "checks", index)
        text = f"a case of the model that fails the check {one['id']}"
        yield Slip(at, GONE, f"the check {one['id']} is gone", text)
        yield from _condition(one, at, "expect", f"the check {one['id']}")


def _external(spec: dict[str, Any]) -> Iterator[Slip]:
    if spec.get("enforcement", "soft") != "advisory":
        text = "a case in which the tool found a fault, with the outcome deny"
        yield Slip(("spec", "enforcement"), "advisory", "the check is advisory", text)
    if "signed" in spec:
        text = "a case with results that nobody signed, which does not allow"
        yield Slip(("spec", "signed"), GONE, "nobody has to sign the results", text)
        signers = spec["signed"]["by"]
        for index, one in enumerate(signers if len(signers) > 1 else ()):
            said, text = f"{one['id']} may not sign", f"a case with `signedBy: {one['id']}`"
            yield Slip(("spec", "signed", "by", index), GONE, said, text)
    yield from _condition(spec, ("spec",), "when", "the check")


def _calendar(spec: dict[str, Any]) -> Iterator[Slip]:
    for index, one in enumerate(spec.get("freezes", ())):
        text = f"a case planned in the freeze {one['id']}, with `rules: {{in-freeze: UNSATISFIED}}`"
        yield Slip(("spec", "freezes", index), GONE, f"the freeze {one['id']} is gone", text)


def _condition(holder: dict[str, Any], at: Path, key: str, whose: str) -> Iterator[Slip]:
    """Yield the slips of an expression, if there is one under the key."""
    text = holder.get(key)
    if not isinstance(text, str):
        return
    for changed, said in expression_slips(text):
        missing = f"a case for which it makes a difference to {whose}"
        yield Slip((*at, key), changed, f"{whose}: {said}", missing)
