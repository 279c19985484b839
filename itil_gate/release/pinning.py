"""Edit the pinned keys in the text of itil-gate.yaml: a key more, or the end of one.

People's comments and order stay. A text is only handed back if it reads as the configuration
before with exactly this changed; where that cannot be had, the caller prints what is to be written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from itil_gate.model.config import CONFIG_PATH, Config, LogKey
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.policy import Source
from itil_gate.policy.compile import read_config
from itil_gate.signing.ed25519 import public_line, public_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    Use = Literal["checkpoint", "recorder"]

_FLOW_END = re.compile(r"\}\s*(#.*)?$")
_UNTIL = re.compile(r"\buntil:\s*[0-9]+")


def key_row(use: Use, public: bytes, *, since: int) -> str:
    """Return a row of log.keys, without its indentation."""
    return f"- {{use: {use}, key: {public_line(public)}, since: {since}}}"


def with_key(text: str, use: Use, public: bytes, *, since: int) -> str | None:
    """Return the text with one key more; None if there is no telling where it goes.

    Raises ConfigError for a text that is no configuration with a section log.
    """
    added = LogKey(use=use, key=public_line(public), since=since, until=None)
    config, keys = _read(text)
    row = key_row(use, public, since=since)
    return _first(_inserted(text, row), _wanted(config, [*keys, added]))


def with_end(text: str, use: Use, public: bytes, *, until: int) -> str | None:
    """Return the text with the end of a key; None if there is no telling where it goes.

    A key that ends earlier already keeps its end. Raises ConfigError as `with_key` does.
    """
    config, keys = _read(text)
    new = [
        one.model_copy(update={"until": until})
        if (one.use, public_of(one.key)) == (use, public)
        and (one.until is None or one.until > until)
        else one
        for one in keys
    ]
    if new == list(keys):
        return text
    return _first(_ended(text, public, until), _wanted(config, new))


def _read(text: str) -> tuple[Config, Sequence[LogKey]]:
    config = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})
    if config.log is None:
        raise ConfigError("no-log", f"{CONFIG_PATH} has no section log")
    return config, config.log.keys


def _wanted(config: Config, keys: Iterable[LogKey]) -> dict[str, Any]:
    said = config.model_dump(mode="json")
    said["log"]["keys"] = sorted((one.model_dump(mode="json") for one in keys), key=str)
    return said


def _first(texts: Iterable[str], wanted: dict[str, Any]) -> str | None:
    for text in texts:
        try:
            config, keys = _read(text)
        except GateError:
            continue
        if _wanted(config, keys) == wanted:
            return text
    return None


def _inserted(text: str, row: str) -> Iterator[str]:
    """Yield the text with a row behind, or before, every row of a list below `log:`."""
    lines = text.split("\n")
    log = next((at for at, line in enumerate(lines) if line.startswith("log:")), len(lines))
    rows = [at for at in range(log, len(lines)) if lines[at].lstrip().startswith("- ")]
    for at in reversed(rows):
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        for place in (at + 1, at):
            yield "\n".join([*lines[:place], indent + row, *lines[place:]])


def _ended(text: str, public: bytes, until: int) -> Iterator[str]:
    """Yield the text with an end at every row that holds a key."""
    lines = text.split("\n")
    blob = public_line(public).split(" ")[1]
    for at, line in enumerate(lines):
        if blob not in line:
            continue
        if _UNTIL.search(line):
            yield "\n".join([*lines[:at], _UNTIL.sub(f"until: {until}", line), *lines[at + 1 :]])
        if end := _FLOW_END.search(line):
            ended = f"{line[: end.start()].rstrip()}, until: {until}{line[end.start() :]}"
            yield "\n".join([*lines[:at], ended, *lines[at + 1 :]])
        for near in range(at + 1, min(at + 4, len(lines))):
            if _UNTIL.search(lines[near]):
                changed = _UNTIL.sub(f"until: {until}", lines[near])
                yield "\n".join([*lines[:near], changed, *lines[near + 1 :]])
        start = len(line) - len(line.lstrip(" -"))
        yield "\n".join([*lines[: at + 1], f"{' ' * start}until: {until}", *lines[at + 1 :]])
