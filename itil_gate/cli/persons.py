"""People who are named on the command line: looked up in people.yaml of the target branch.

What somebody writes into a log that is never edited has to be somebody's name there. Only that one
file is read, so that policies which do not load keep nobody from an order that must be carried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.errors import ConfigError, GateError

if TYPE_CHECKING:
    from itil_gate.git.discover import Repository
    from itil_gate.model.config import Config
    from itil_gate.model.people import People, Person

MOST_NAMES = 8


def human_at(place: Repository, config: Config, *, tip: str, person: str, option: str) -> str:
    """Return the id of a human whom people.yaml at `tip` lists under exactly this name.

    `option` is how it was given. Raises GateError `unknown-person` with the names that are near,
    ConfigError `people-unreadable`.
    """
    people = _people_at(place, config, tip=tip)
    found = next((one for one in people.persons if one.id == person), None)
    if found is not None and found.kind == "human":
        return found.id
    file = config.locations.people
    said = (
        f"{person!r} is nobody in {file} on the target branch"
        if found is None
        else f"{person} is a {found.kind} by {file} on the target branch, and a human is asked for"
    )
    raise GateError(
        "unknown-person",
        f"{option}: {said}",
        hint=_meant(person, [one for one in people.persons if one.kind == "human"], file),
    )


def _meant(person: str, humans: list[Person], file: str) -> str:
    from itil_gate.reading.wording import listed, near_words

    folded = person.casefold()
    same = [
        one.id
        for one in humans
        if folded in (one.name.casefold(), *(mail.casefold() for mail in one.emails))
    ]
    near = same or list(near_words(person, [one.id for one in humans]))
    if near:
        return f"use the id of a person: {listed(near)}"
    if not humans:
        return f"{file} lists no human; add them there first"
    names = [one.id for one in humans[:MOST_NAMES]]
    more = "" if len(humans) <= MOST_NAMES else f", and {len(humans) - MOST_NAMES} more"
    return f"use the id of a person that {file} lists: {', '.join(names)}{more}"


def _people_at(place: Repository, config: Config, *, tip: str) -> People:
    from itil_gate.git.tree import blob_at
    from itil_gate.git.view import open_view
    from itil_gate.model.people import People
    from itil_gate.reading.read import read_text
    from itil_gate.reading.yaml import decode

    file = config.locations.people
    with open_view(place) as view:
        data = blob_at(view, tip, file)
    if data is None:
        raise ConfigError(
            "people-unreadable",
            f"there is no {file} on the target branch to look a person up in",
            hint="`itil-gate init` writes one",
        )
    found = read_text(decode(data, file=file), file, People)
    if not isinstance(found, People):
        raise ConfigError(
            "people-unreadable",
            f"{file} on the target branch cannot be read: {found[0].message}",
            hint=found[0].remedy,
        )
    return found
