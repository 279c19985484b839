"""Inputs made of others: what is done to a seed so that a parser meets what nobody would write.

Everything is drawn from one `random.Random`, so that a seed gives the same inputs for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

LONGEST = 64 * 1024
"""Bytes of an input; parsers have limits of their own above it, which the ordinary tests meet."""
_COMMON = (
    b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"'", b'"', b"\\", b"\xff", b"\xc3",
    b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xc2\x85", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"0",
    b"-1", b"9223372036854775808", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff",
)  # fmt: skip
_YAML = (
    b"- ", b"? ", b": ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!!str ", b"<<: ", b"|\n",
    b">-\n", b"---\n", b"...\n", b"%YAML 1.2\n", b"#", b"~", b"null", b"true", b"\\u2028",
    b"\\x00", b"1e400", b"2026-02-30T00:00", b"x-", b"spec:", b"metadata:",
    b"timezone: Europe/Berlin", b"**/",
)  # fmt: skip
_SIGNED = (
    b"SSHSIG", b"\0\0\0\x01", b"\0\0\0\x0bssh-ed25519", b"\0\0\0\x07ssh-rsa", b"sha512", b"sha256",
    b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n", b"=", b"==",
    b"-----BEGIN PGP SIGNATURE-----\n", b"gpgsig ", b"gpgsig-sha256 ", b"\0\0\0\x03git", b"ssh:",
    b"ecdsa-sha2-nistp256", b"sk-ssh-ed25519@openssh.com", b"1e1", b"1.0", b"{}", b"null",
)  # fmt: skip
_CEL = (
    b"change.", b"spec", b"diff.paths", b"services", b".exists(s, ", b".all(x, ", b".map(x, ",
    b".filter(x, ", b"has(", b")", b"(", b"?", b" ? ", b" : ", b"&&", b"||", b"==", b"!=", b" in ",
    b"[", b"]", b"at(", b"touches('**')", b"count(", b"glob(", b"timestamp(", b"duration('1h')",
    b"matches(", b"size(", b"string(", b"int(", b"now", b"risk.rank", b"9223372036854775807",
    b"/ 0", b"% 2", b"1u", b"1.5", b"b'x'", b"r'", b"'''", b"${", b"$${", b"}", b"weekday(",
)  # fmt: skip
_GIT = (
    b"tree ", b"parent ", b"author ", b"committer ", b"encoding ", b"\n\n", b"<", b">", b"utf-8",
    b"iso-8859-1", b"Co-authored-by: ", b"100644 ", b"040000 ", b"160000 ", b"..", b".", b"/",
    b"3" * 40, b"3" * 64, b" A\0", b" M\0", b" AD\0", b"+0100", b"@", b" blob ", b" missing",
    b"tag ",
)  # fmt: skip
_ICS = (
    b"BEGIN:VEVENT\n", b"END:VEVENT\n", b"BEGIN:VCALENDAR\n", b"END:VCALENDAR\n", b"RRULE:FREQ=",
    b"YEARLY", b"MONTHLY", b"WEEKLY", b"DAILY", b"HOURLY", b";COUNT=99999", b";INTERVAL=99999",
    b";BYSETPOS=-1", b";BYDAY=MO,-1SU", b";BYMONTHDAY=31", b";BYWEEKNO=53", b";BYYEARDAY=366",
    b";UNTIL=20261231T235959Z", b"DTSTART;TZID=", b"DTSTART:16010101T000000",
    b"DTSTART:90001231T000000Z", b"DTEND:", b"DURATION:P36600D", b"PT1S", b"RDATE;VALUE=PERIOD:",
    b"EXDATE:", b"RECURRENCE-ID;RANGE=THISANDFUTURE:", b"SEQUENCE:9", b"UID:1\n", b"Europe/Berlin",
    b"X-WR-TIMEZONE:", b"TZOFFSETFROM:-2359", b"TZOFFSETTO:+2359", b"BEGIN:VTIMEZONE\n",
    b"BEGIN:STANDARD\n", b"20260229", b"\n ", b';X="',
)  # fmt: skip
_LOG = (
    b"\xe2\x80\x94 ", b"\n\n", b"+", b"=", b"==", b"AAAA", b"index ", b"extra ", b"\xc2\xa0",
    b"c2sp.org/tlog-proof@v1\n", b"9223372036854775807", b"00", b'"sig":', b'"keyid":"",',
    b'{"sha256":"', b'","t":"outcome"}', b"\0\0", b"\0\x63", b"1.0", b"null", b"{}", b"[]",
)  # fmt: skip
TOKENS: dict[str, tuple[bytes, ...]] = {
    "yaml": _YAML,
    "request": _YAML,
    "sshsig": _SIGNED,
    "key": _SIGNED,
    "statement": _SIGNED,
    "signed": (*_SIGNED, *_GIT),
    "expression": _CEL,
    "template": _CEL,
    "diff": _GIT,
    "tree": _GIT,
    "commit": _GIT,
    "header": _GIT,
    "ics-reading": _ICS,
    "ics-deciding": _ICS,
    "log-note": _LOG,
    "log-proof": _LOG,
    "log-entry": _LOG,
    "log-bundle": _LOG,
}
"""What the format of a target is made of."""


def tokens(target: str) -> tuple[bytes, ...]:
    """Return what may be put into an input of a target."""
    return (*_COMMON, *TOKENS[target])


def mutants(target: str, seeds: Sequence[bytes], random: Random) -> Iterator[bytes]:
    """Yield inputs without end: a seed, changed up to six times; every 200th is very long."""
    words = tokens(target)
    number = 0
    while True:
        number += 1
        data = random.choice(seeds)
        for _ in range(random.randint(1, 6)):
            data = random.choice(_CHANGES)(data, random, words, seeds)[:LONGEST]
        yield _stretched(data, random, words) if number % 200 == 0 else data


def _stretched(data: bytes, random: Random, words: Sequence[bytes]) -> bytes:
    """Repeat a piece of an input until it is as long as inputs get: what is superlinear shows."""
    start, end = _cut(data, random, most=40)
    piece = data[start:end] if random.random() < 0.5 else random.choice(words)
    piece = piece or b" "
    room = max(LONGEST - len(data), 0)
    return data[:end] + piece * (room // len(piece)) + data[end:]


def _cut(data: bytes, random: Random, *, most: int = 200) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.randint(0, most))


def _flip(data: bytes, random: Random, _words: object, _seeds: object) -> bytes:
    if not data:
        return b"\0"
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _byte(data: bytes, random: Random, _words: object, _seeds: object) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + bytes([random.randrange(256)]) + data[at + random.randrange(2) :]


def _remove(data: bytes, random: Random, _words: object, _seeds: object) -> bytes:
    start, end = _cut(data, random)
    return data[:start] + data[end:]


def _word(data: bytes, random: Random, words: Sequence[bytes], _seeds: object) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(words) + data[at:]


def _replace(data: bytes, random: Random, words: Sequence[bytes], _seeds: object) -> bytes:
    start, end = _cut(data, random, most=20)
    return data[:start] + random.choice(words) + data[end:]


def _repeat(data: bytes, random: Random, _words: object, _seeds: object) -> bytes:
    start, end = _cut(data, random, most=60)
    return data[:end] + data[start:end] * random.randint(1, 8) + data[end:]


def _splice(data: bytes, random: Random, _words: object, seeds: Sequence[bytes]) -> bytes:
    other = random.choice(seeds)
    start, end = _cut(other, random, most=400)
    at = random.randint(0, len(data))
    return data[:at] + other[start:end] + data[at:]


def _line(data: bytes, random: Random, _words: object, _seeds: object) -> bytes:
    """Move, drop or double one line."""
    lines = data.split(b"\n")
    taken = lines.pop(random.randrange(len(lines)))
    for _ in range(random.randrange(3)):
        lines.insert(random.randint(0, len(lines)), taken)
    return b"\n".join(lines)


_CHANGES: tuple[Callable[[bytes, Random, Sequence[bytes], Sequence[bytes]], bytes], ...] = (
    _flip,
    _byte,
    _remove,
    _word,
    _word,
    _replace,
    _repeat,
    _splice,
    _line,
)
