"""iCalendar text (RFC 5545) to components and properties, each with its line.

Strict where libraries are lenient: a line of an event that cannot be read is an error, because a
freeze that is dropped in silence protects nobody. Nothing is kept between two files, no zone, no
cache, so one file cannot change how another is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.finding import Finding, Place
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TEXT = 4_000_000
MAX_EVENTS = 10_000
MAX_DEPTH = 8
_NEWLINE = re.compile(r"\r\n|\n|\r")
_VALUE = r'(?:"[^"]*"|[^";:,]*)'
_LINE = re.compile(rf"([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+={_VALUE}(?:,{_VALUE})*)*):(.*)", re.DOTALL)
_PARAMETER = re.compile(rf";([A-Za-z0-9-]+)=({_VALUE}(?:,{_VALUE})*)")
_NAME = re.compile(r"([A-Za-z0-9-]+)[;:]")
_ESCAPE = re.compile(r"\\([\\;,nN])")
READ = frozenset(
    {
        *("BEGIN", "END", "UID", "SEQUENCE", "STATUS", "RECURRENCE-ID", "X-WR-TIMEZONE"),
        *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE"),
        *("TZID", "TZOFFSETFROM", "TZOFFSETTO"),
    }
)
"""Properties whose lines must be well formed; others can be broken without changing a time."""


@frozen
class Property:
    """One property of a component: its value as written, and its parameters unquoted."""

    name: str
    value: str
    parameters: dict[str, str]
    file: str
    line: int

    @property
    def place(self) -> Place:
        """Where the property begins."""
        return Place(file=self.file, line=self.line, column=1)


@dataclass(frozen=True, slots=True)
class Component:
    """A calendar, an event, a time zone or a part of one."""

    name: str
    file: str
    line: int
    properties: list[Property] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """Where the component begins."""
        return Place(file=self.file, line=self.line, column=1 if self.line else 0)

    def all(self, name: str) -> tuple[Property, ...]:
        """Return every property of a name, in order."""
        return tuple([item for item in self.properties if item.name == name])

    def one(self, name: str) -> Property | None:
        """Return the property of a name, if there is one. Raises ConfigError if there are more."""
        found = self.all(name)
        if len(found) > 1:
            raise invalid(f"{self.name} has {name} twice", found[1].place)
        return found[0] if found else None

    def text(self, name: str) -> str:
        """Return the unescaped text of the first property of a name, or an empty string."""
        return next((unescape(item.value) for item in self.all(name)), "")


def parse_calendars(text: str, *, file: str) -> tuple[Component, ...]:
    """Return the VCALENDAR components of a text.

    Raises ConfigError `calendar-invalid` with the place of what cannot be read, and GateError
    `calendar-too-large` for texts of more than 4 million characters or 10,000 events.
    """
    if len(text) > MAX_TEXT:
        raise too_large(f"{file} is longer than {MAX_TEXT} characters")
    top = Component("", file, 0)
    _build(top, text)
    calendars = tuple(item for item in top.components if item.name == "VCALENDAR")
    if not calendars:
        raise invalid("there is no BEGIN:VCALENDAR", top.place)
    return calendars


def unescape(text: str) -> str:
    """Return a TEXT value as people read it (section 3.3.11)."""
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], text)


def invalid(message: str, place: Place, *, remedy: str = "") -> ConfigError:
    """Return the error for an iCalendar text that cannot be read."""
    remedy = remedy or "export the calendar again, or mend the line"
    return ConfigError(
        "calendar-invalid",
        f"{place}: {message}",
        findings=(Finding(rule="calendar-invalid", message=message, remedy=remedy, place=place),),
        hint=remedy,
    )


def too_large(message: str) -> GateError:
    """Return the error for a calendar that would take too much work."""
    return GateError(
        "calendar-too-large",
        message,
        hint="keep freezes and windows in a calendar of their own, without old or endless series",
    )


def _build(top: Component, text: str) -> None:
    """Put the components of a text, with their properties, below the top."""
    stack = [top]
    events = 0
    for number, line in _unfolded(text):
        item = _property(line, file=top.file, number=number)
        if item is None:
            continue
        name = item.value.strip().upper()
        if item.name == "BEGIN":
            events += name == "VEVENT"
            if len(stack) > MAX_DEPTH or events > MAX_EVENTS:
                raise too_large(
                    f"{item.place}: more than {MAX_EVENTS} events or {MAX_DEPTH} levels"
                )
            if name == "VEVENT" and [outer.name for outer in stack[1:]] != ["VCALENDAR"]:
                # it would be read by nobody, and a freeze that is lost protects nobody
                raise invalid("VEVENT does not stand directly in BEGIN:VCALENDAR", item.place)
            inner = Component(name, top.file, number)
            stack[-1].components.append(inner)
            stack.append(inner)
        elif item.name == "END":
            if stack.pop().name != name or not stack:
                raise invalid(f"END:{name[:40]} ends nothing that was begun", item.place)
        elif len(stack) == 1:
            raise invalid(f"{item.name[:40]} stands outside BEGIN:VCALENDAR", item.place)
        else:
            stack[-1].properties.append(item)
    if len(stack) > 1:
        raise invalid(f"BEGIN:{stack[-1].name[:40]} is not ended", stack[-1].place)


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Yield content lines with the number of the line each begins on; folded lines are joined."""
    held: list[str] = []
    begun = 0
    for number, line in enumerate(_NEWLINE.split(text.removeprefix("\ufeff")), start=1):
        if line[:1] in {" ", "\t"} and held:
            held.append(line[1:])
            continue
        if held:
            yield begun, "".join(held)
        held, begun = ([line] if line.strip() else []), number
    if held:
        yield begun, "".join(held)


def _property(line: str, *, file: str, number: int) -> Property | None:
    """Read a content line; None for a broken one that says nothing about time."""
    match = _LINE.fullmatch(line)
    if match is None:
        name = _NAME.match(line)
        if name is None or name[1].upper() in READ:
            place = Place(file=file, line=number, column=1)
            raise invalid(f'"{line[:60]}" is not a content line', place)
        return None
    given = [(found[1].upper(), found[2].strip('"')) for found in _PARAMETER.finditer(match[2])]
    parameters = dict(given)
    if len(parameters) < len(given) and match[1].upper() in READ:
        place = Place(file=file, line=number, column=1)
        raise invalid(f"{match[1].upper()} has a parameter twice", place)
    return Property(match[1].upper(), match[3], parameters, file, number)
