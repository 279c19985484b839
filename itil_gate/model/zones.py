"""Time zones of the IANA database, from the `tzdata` package only.

The host's own database is not asked: it differs between machines, knows names that mean something
else on every host (`localtime`), and a decision must be replayed years later on another one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class UnknownZoneError(ValueError):
    """A name is not in the IANA time zone database."""


@cache
def zone_names() -> frozenset[str]:
    """Return every zone name known to the installed `tzdata`."""
    return frozenset(_data("zones").decode("utf-8").split()) - {"Factory"}


@cache
def zone(name: str) -> ZoneInfo:
    """Return a zone by its exact name, or raise UnknownZoneError."""
    from importlib.resources import files  # noqa: PLC0415  # only where a zone is used
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    if name not in zone_names():
        raise UnknownZoneError(f'"{name[:60]}" is not a time zone of the IANA database')
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def _data(name: str) -> bytes:
    """Return a file of the tzdata package by the way it was imported, which needs no search."""
    import tzdata  # type: ignore[import-untyped]  # noqa: PLC0415

    loader: Any = tzdata.__loader__
    data: bytes = loader.get_data(f"{tzdata.__path__[0]}/{name}")
    return data


def nearest_zones(name: str) -> tuple[str, ...]:
    """Return the known name that one that is not known was probably meant to be, if any.

    Short names such as CET are never proposed: one letter makes them another continent.
    """
    from difflib import get_close_matches  # noqa: PLC0415  # only for messages

    meant = name[:64].casefold().replace(" ", "_")
    folded = {known.casefold(): known for known in sorted(zone_names())}
    cities = {known.rpartition("/")[2]: folded[known] for known in folded if "/" in known}
    if exact := folded.get(meant) or cities.get(meant):
        return (exact,)
    near = get_close_matches(meant, [known for known in folded if "/" in known], n=1, cutoff=0.8)
    return tuple(folded[match] for match in near)
