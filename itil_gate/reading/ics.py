"""Whether an iCalendar text (RFC 5545) can be believed: whole, well formed, zones known.

A freeze that a lenient library drops in silence protects nobody, so the text is checked line by
line, with places, before the `icalendar` library sees it; the library is given bytes, because it
takes a text of one line for the name of a file and opens it.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Finding, Place
from itil_gate.model.frozen import frozen
from itil_gate.model.zones import nearest_zones, zone_names
from itil_gate.reading.events import MAX_BYTES, Fault, check_characters
from itil_gate.reading.read import MOST_FINDINGS, source_finding
from itil_gate.reading.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import icalendar

MAX_COMPONENTS = 10_000
MAX_DEPTH = 8
_VALUE = r'(?:"[^"]*+"|[^";:,]*+)'
_LINE = re.compile(
    rf"(?P<name>[A-Za-z0-9-]++)(?P<parameters>(?:;[A-Za-z0-9-]++={_VALUE}(?:,{_VALUE})*+)*+)"
    r":(?P<value>.*)",
    re.DOTALL,
)
_ZONE = re.compile(r';TZID=(?:"([^"]*+)"|([^";:,]*+))', re.IGNORECASE)
_TOO_OFTEN = re.compile(r"\bFREQ=(SECONDLY|MINUTELY)\b", re.IGNORECASE)
_AGAIN = "export the calendar again, or mend the line"


@frozen
class _Line:
    """A content line, unfolded: its name in capitals, parameters and value as written."""

    number: int
    name: str
    parameters: str
    value: str


@dataclass(frozen=True, slots=True)
class _Component:
    name: str
    number: int
    lines: list[_Line] = field(default_factory=list)


def read_ics(text: str, *, file: str) -> tuple[Finding, ...]:
    """Return what is wrong with an iCalendar text; nothing if it can be used."""
    try:
        calendar = parse_ics(text, file=file)
    except SourceError as error:
        return (source_finding(error),)
    findings = tuple(islice(_faults(calendar, text, file), MOST_FINDINGS + 1))
    if len(findings) <= MOST_FINDINGS:
        return findings
    more = ("there are more faults than are shown", "correct these first")
    return (*findings[:MOST_FINDINGS], _finding(findings[-1].rule, file, 1, more))


def _faults(calendar: icalendar.Calendar, text: str, file: str) -> Iterator[Finding]:
    components = list(_components(text, file))
    yield from _zones(components, file)
    read = calendar.walk()
    if len(read) != len(components):
        yield _finding("wrong-calendar", file, 1, ("components were not read", _AGAIN))
    for described, component in zip(read, components, strict=False):
        yield from _broken(described, component, file)
        yield from _events(component, file)


def parse_ics(text: str, *, file: str) -> icalendar.Calendar:
    """Return the one calendar of a text, or raise SourceError with the place of the fault.

    Values that the library could not read are kept by it as broken; `read_ics` reports them.
    """
    import icalendar  # noqa: PLC0415  # slow to load, and most repositories have no .ics file

    _check(text, file)
    # forget the zones that other files described: one file cannot change how another is read
    icalendar.use_zoneinfo()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            calendar = icalendar.Calendar.from_ical(text.encode())
    except OSError as error:
        # zones are files: a name such as `Europe/` makes the library open a folder
        raise _zone_unread(text, file) from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        # the library has no error of its own for everything it cannot read
        raise _wrong(file, 1, f"the calendar cannot be read ({error})") from error
    return calendar


def _zone_unread(text: str, file: str) -> SourceError:
    """Return the error about the first zone that is not known, which could not be looked up."""
    for found in _zones(list(_components(text, file)), file):
        if found.place is not None:
            return SourceError(found.rule, found.message, place=found.place, hint=found.remedy)
    return _wrong(file, 1, "a time zone of the calendar cannot be read")


def _check(text: str, file: str) -> None:
    """Raise SourceError unless the text is one whole VCALENDAR of acceptable size."""
    try:
        if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise _wrong(file, 1, "the calendar is larger than 1 MiB", "keep old events elsewhere")
        check_characters(text)
    except Fault as fault:
        raise fault.located(file) from fault
    names = [component.name for component in _components(text, file)]
    if len(names) > MAX_COMPONENTS:
        said = f"the calendar has more than {MAX_COMPONENTS:,} components"
        raise _wrong(file, 1, said, "keep old events elsewhere")


def _components(text: str, file: str) -> Iterator[_Component]:
    """Yield the components in the order in which they begin."""
    found: list[_Component] = []
    stack: list[_Component] = []
    for line in _lines(text, file):
        name = line.value.strip().upper()
        if line.name == "BEGIN":
            if (name == "VCALENDAR") is bool(stack) or len(stack) >= MAX_DEPTH:
                raise _wrong(file, line.number, f"BEGIN:{name[:40]} stands where it cannot")
            if not stack and found:
                raise _wrong(
                    file, line.number, "there is a second calendar", "keep one in each file"
                )
            component = _Component(name, line.number)
            stack.append(component)
            found.append(component)
        elif not stack:
            raise _wrong(file, line.number, f"{line.name[:40]} stands outside BEGIN:VCALENDAR")
        elif line.name != "END":
            stack[-1].lines.append(line)
        elif stack[-1].name != name:
            said = f"END:{name[:40]} stands where END:{stack[-1].name[:40]} should"
            raise _wrong(file, line.number, said)
        else:
            stack.pop()
    if stack:
        raise _wrong(file, stack[-1].number, f"BEGIN:{stack[-1].name[:40]} is never ended")
    if not found:
        raise _wrong(file, 1, "there is no BEGIN:VCALENDAR", "save it as an iCalendar file")
    yield from found


def _lines(text: str, file: str) -> Iterator[_Line]:
    """Yield content lines, unfolded, with the number of the line each begins on."""
    number = 0
    held: list[str] = []
    for at, raw in enumerate((*text.split("\n"), ""), start=1):
        line = raw.removesuffix("\r")
        if line[:1] in {" ", "\t"} and held:
            held.append(line[1:])
            continue
        if held:
            whole = "".join(held)
            match = _LINE.fullmatch(whole)
            if match is None:
                raise _wrong(file, number, f"{quoted(whole[:40])} is not a content line")
            yield _Line(number, match["name"].upper(), match["parameters"], match["value"])
        number, held = at, [line] if line else []


def _zones(components: list[_Component], file: str) -> Iterator[Finding]:
    """Find zones that neither the file nor the IANA database knows."""
    described = {
        line.value.strip()
        for component in components
        if component.name == "VTIMEZONE"
        for line in component.lines
        if line.name == "TZID"
    }
    for component in components:
        for line in component.lines:
            used = [inside or bare for inside, bare in _ZONE.findall(line.parameters)]
            if line.name == "X-WR-TIMEZONE":
                used.append(line.value.strip())
            for name in used:
                if name not in described and not _is_known(name):
                    near = nearest_zones(name)
                    meant = f"did you mean {near[0]}?" if near else ""
                    said = f'the time zone "{name[:60]}" is not known and has no VTIMEZONE'
                    yield _finding(
                        "unknown-timezone", file, line, (said, meant or "add its VTIMEZONE")
                    )


def _is_known(name: str) -> bool:
    """Tell whether a zone is an IANA name, behind a vendor's prefix too, or a Windows name."""
    parts = name.strip("/").split("/")
    if any("/".join(parts[index:]) in zone_names() for index in range(len(parts))):
        return True
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415  # rarely

    return name in WINDOWS_TO_OLSON


def _broken(described: icalendar.Component, component: _Component, file: str) -> Iterator[Finding]:
    """Find the values that the library could not read."""
    for name, _ in described.errors:
        line = next((line for line in component.lines if line.name == name), None)
        number = line.number if line else component.number
        said = f"{name or 'a line'} of {component.name} has a value that cannot be read"
        yield _finding("wrong-calendar", file, number, (said, _AGAIN))


def _events(component: _Component, file: str) -> Iterator[Finding]:
    """Find events without a start, and series that would repeat without measure."""
    if component.name != "VEVENT":
        return
    if not any(line.name == "DTSTART" for line in component.lines):
        said = "the event has no DTSTART"
        yield _finding("wrong-calendar", file, component.number, (said, "add when it begins"))
    for line in component.lines:
        if line.name == "RRULE" and _TOO_OFTEN.search(line.value):
            said = "the event repeats every second or minute"
            yield _finding("wrong-calendar", file, line, (said, "repeat it hourly at most"))


def _finding(rule: str, file: str, line: _Line | int, words: tuple[str, str]) -> Finding:
    message, remedy = words
    number = line if isinstance(line, int) else line.number
    place = Place(file=file, line=number, column=1)
    return Finding(rule=rule, message=message, remedy=remedy, place=place)


def _wrong(file: str, number: int, message: str, hint: str = _AGAIN) -> SourceError:
    place = Place(file=file, line=number, column=1)
    return SourceError("wrong-calendar", message, place=place, hint=hint)
