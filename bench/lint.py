"""How many change requests a second are parsed and checked, against the stock way of doing it.

The stock way is what teams put together by themselves: PyYAML's fastest loader and `jsonschema`
with the schema of the request. Both read the same generated files, in turns, in one process on one
core; every fiftieth file has a misspelt key, and both must find the same files wrong. Ours checks
more: duplicate keys, depth, the meaning of plain scalars, globs, zones and clock changes.

    python bench/lint.py [COUNT]
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import yaml
from jsonschema import Draft202012Validator
from row import Row

from itil_gate.model.change import ChangeRequest
from itil_gate.reading.requests import read_request
from itil_gate.reading.schema import schema
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FULL = 10_000
SMOKE = 20
TARGET = 5.0
PARSE_TARGET = 1.5
TURNS = 40
WRONG_EVERY = 50
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SERVICES = ("payments-api", "ledger", "checkout", "mail-relay", "identity", "search", "billing")
PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC", "Australia/Sydney")
SUBJECTS = ("the gateway certificates", "the session store", "the retry limits", "the log format")
VERBS = ("Rotate", "Replace", "Raise", "Move", "Remove")


class Measured(TypedDict):
    """Files a second in each way, and how many times faster ours is."""

    files: int
    bytes_each: int
    wrong: int
    ours: float
    stock: float
    ratio: float
    ours_parse: float
    stock_parse: float
    parse_ratio: float


def request_text(chance: random.Random, change: str, *, wrong: bool) -> str:
    """Return a request of about the size of the example in the architecture document."""
    one, other = chance.sample(SERVICES, 2)
    asker, owner = chance.sample(PEOPLE, 2)
    day, hour = chance.randint(1, 27), chance.randint(4, 21)
    subject, verb = chance.choice(SUBJECTS), chance.choice(VERBS)
    reason = "raison" if wrong else "reason"
    return f"""\
apiVersion: itil-gate/v1
kind: ChangeRequest
metadata: {{id: {change}, title: {verb} {subject} of {one}, requester: {asker}}}
spec:
  type: normal                        # standard | normal | emergency | registration (vendor-run)
  model: {one}-routine                # optional; required for standard
  services: [{one}, {other}]          # Backstage entity names
  environments: [production]
  implementer: {asker}                # person or pipeline
  scope: [deploy/{one}/**, config/{other}/*.yaml]
  window: {{start: "2026-12-{day:02}T{hour:02}:00", end: "2026-12-{day:02}T{hour + 1:02}:00",
           timezone: {chance.choice(ZONES)}, soak: {chance.randint(1, 48)}h}}
  risk: {chance.choice(("low", "medium", "high"))}                     # may raise, never lower
  {reason}: What is there was made for half the traffic, and {one} has twice that since spring.
  expectedOutcome: The error rate of {one} stays below {chance.randint(1, 9)} in 10,000.
  acceptance: The probe of {other} is green for an hour.
  significant: false
  impact: {{users: none, security: better, privacy: none, continuity: none, downtime: 0m,
           reversible: true}}
  plans: {{implementation: Run the pipeline of {one}., test: Done in staging.,
          backout: {{steps: Run it again with the old values., tested: true,
                    maxMinutes: {chance.randint(5, 60)}, owner: {owner}, abort: Errors rise.}},
          communication: Posted a day before.}}
  readiness: {{runbook: docs/runbooks/{one}.md, alerts: {one}-errors, oncall: payments}}
  evidence: [{{kind: junit, path: reports/{one}.xml}}]
  links: [{{type: incident, id: INC-{chance.randint(100, 9999)}}}]
  related: [{{repository: example.com/acme/{other}, change: {change}}}]
"""


def files(count: int) -> list[tuple[str, str]]:
    """Return file names and texts, the same on every run."""
    chance = random.Random(20261125)  # noqa: S311 - a benchmark, not a secret
    made = []
    for number in range(count):
        change = f"CHG-2026-{''.join(chance.choices(ALPHABET, k=8))}"
        wrong = number % WRONG_EVERY == WRONG_EVERY - 1
        made.append((f"changes/2026/{change}.yaml", request_text(chance, change, wrong=wrong)))
    return made


def measure(count: int) -> Measured:
    """Read `count` files in both ways, in turns, and return the rates."""
    made = files(count)
    validator = Draft202012Validator(yaml.safe_load(schema("change-request.json")))
    read_request(made[0][1], file=made[0][0])  # build the models before the clock runs
    taken = dict.fromkeys(("ours", "stock", "ours_parse", "stock_parse"), 0.0)
    wrong = {"ours": 0, "stock": 0}
    for turn in range(min(TURNS, count)):
        part = made[turn :: min(TURNS, count)]
        begun = time.process_time()
        ours = [not isinstance(read_request(text, file=name), ChangeRequest) for name, text in part]
        taken["ours"] += time.process_time() - begun
        begun = time.process_time()
        stock = [
            any(True for _ in validator.iter_errors(yaml.load(text, Loader=yaml.CSafeLoader)))
            for _, text in part
        ]
        taken["stock"] += time.process_time() - begun
        begun = time.process_time()
        for name, text in part:
            parse(text, file=name)
        taken["ours_parse"] += time.process_time() - begun
        begun = time.process_time()
        for _, text in part:
            yaml.load(text, Loader=yaml.CSafeLoader)
        taken["stock_parse"] += time.process_time() - begun
        if ours != stock:
            raise RuntimeError("the two ways disagree about which files are wrong")
        wrong["ours"] += sum(ours)
    return Measured(
        files=count,
        bytes_each=sum(len(text.encode()) for _, text in made) // count,
        wrong=wrong["ours"],
        ours=count / taken["ours"],
        stock=count / taken["stock"],
        ratio=taken["stock"] / taken["ours"],
        ours_parse=count / taken["ours_parse"],
        stock_parse=count / taken["stock_parse"],
        parse_ratio=taken["stock_parse"] / taken["ours_parse"],
    )


def run(count: int) -> Iterator[Row]:
    """Yield how many times faster than the stock way `count` requests are read, and parsed."""
    found = measure(count)
    sort = f"n={found['files']} of {found['bytes_each']} bytes, {found['wrong']} wrong"
    yield Row(
        what="requests checked, times stock YAML + jsonschema",
        value=found["ratio"],
        target=TARGET,
        want="at least",
        detail=f"{found['ours']:,.0f}/s against {found['stock']:,.0f}/s, {sort}",
    )
    yield Row(
        what="requests parsed, times CSafeLoader",
        value=found["parse_ratio"],
        target=PARSE_TARGET,
        want="at least",
        detail=f"{found['ours_parse']:,.0f}/s against {found['stock_parse']:,.0f}/s",
    )


def table(rows: Iterable[Row]) -> str:
    """Return the rows as lines of text."""
    return "\n".join(f"{row.what:<48} {row.value:6.2f} x   {row.detail}" for row in rows)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    print(table(run(int(sys.argv[1]) if sys.argv[1:] else FULL)))
