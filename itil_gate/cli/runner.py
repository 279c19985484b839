"""The surroundings of a run on GitHub's runner: its event, its files for outputs and summary.

Everything in an event is a stranger's until git or the forge's API says the same: from it come
only names of commits and branches, each in its one form, which are then looked up as objects.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_EVENT_BYTES = 32 * 1024 * 1024
OF_A_PULL_REQUEST = ("pull_request", "pull_request_target", "pull_request_review")
"""Events that carry a pull request."""
FROM_THE_HEAD = ("pull_request", "pull_request_review", "merge_group")
"""Events whose workflow is that of what is proposed: advisory, and never trusted with a key."""
_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]+", re.ASCII)
_QUEUED = re.compile(
    r"(?:refs/heads/)?gh-readonly-queue/(?P<base>.+)/"
    r"pr-(?P<number>[1-9][0-9]{0,17})-[0-9a-f]{40,64}",
    re.ASCII,
)
_ZERO = re.compile(r"0+")


@frozen
class Event:
    """What started the run, as far as the gate needs it.

    `target` is a full ref. `before` and `after` are those of a push; `before` is None for a
    branch that is new. `number` is that of a pull request. `home` is the full ref of the
    repository's default branch, whose configuration says what is guarded; empty where it was not
    asked for. `queued` is the number of the pull request whose turn a merge group is, as the forge
    names the group; what else is in it, only its tree can tell. `pushed_at` is when the forge
    received a push, in seconds of Unix time or as RFC 3339, as it wrote it.
    """

    name: str
    target: str
    head: str | None = None
    number: int | None = None
    before: str | None = None
    after: str | None = None
    draft: bool = False
    home: str = ""
    queued: int | None = None
    pushed_at: str | None = None


def read_event(environment: Mapping[str, str]) -> Event:
    """Return the event of this run. Raises GateError `no-event` or `bad-event`."""
    name, payload = _payload(environment)
    return replace(_event(name, payload), home=_home(name, payload, environment))


def read_home(environment: Mapping[str, str]) -> str:
    """Return the full ref of the default branch, as the event of any run tells it.

    Raises GateError `no-event` or `bad-event`.
    """
    name, payload = _payload(environment)
    return _home(name, payload, environment)


def _payload(environment: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    name, path = environment.get("GITHUB_EVENT_NAME", ""), environment.get("GITHUB_EVENT_PATH", "")
    if not name or not path:
        raise GateError(
            "no-event",
            "GITHUB_EVENT_NAME and GITHUB_EVENT_PATH are not set",
            hint="this command is run by action.yml; elsewhere use `itil-gate check`",
        )
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_EVENT_BYTES + 1)
        if len(data) > MAX_EVENT_BYTES:
            raise _odd(name, f"is longer than {MAX_EVENT_BYTES} bytes")
        payload = json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        raise GateError("bad-event", f"the event of this run cannot be read: {error}") from error
    if not isinstance(payload, dict):
        raise _odd(name, "is no object")
    return name, payload


def _home(name: str, payload: dict[str, Any], environment: Mapping[str, str]) -> str:
    """Return the default branch, which no guess may replace: anybody may push a branch `main`."""
    repository = payload.get("repository")
    told = repository.get("default_branch") if isinstance(repository, dict) else None
    if told is None and name == "schedule":  # runs there, and some forges tell no more about it
        told = environment.get("GITHUB_REF", "").removeprefix("refs/heads/")
    if not told:
        raise _odd(name, "does not say which branch is the default one")
    return _branch(name, told)


def _event(name: str, payload: dict[str, Any]) -> Event:
    if name in OF_A_PULL_REQUEST:
        pull = _inner(name, payload, "pull_request")
        number = pull.get("number")
        if type(number) is not int or number < 1:
            raise _odd(name, "names no pull request")
        return Event(
            name,
            _branch(name, _inner(name, pull, "base").get("ref")),
            head=_oid(name, _inner(name, pull, "head").get("sha")),
            number=number,
            draft=pull.get("draft") is True,
        )
    if name == "merge_group":
        group = _inner(name, payload, "merge_group")
        ref = str(group.get("base_ref", ""))
        place = _QUEUED.fullmatch(str(group.get("head_ref", "")))
        return Event(
            name,
            _branch(name, ref.removeprefix("refs/heads/")),
            head=_oid(name, group.get("head_sha")),
            queued=int(place["number"]) if place is not None else None,
        )
    if name == "push":
        ref = str(payload.get("ref", ""))
        if not ref.startswith("refs/heads/"):
            raise _odd(name, "is not about a branch")
        before, after = str(payload.get("before", "")), _oid(name, payload.get("after"))
        if _ZERO.fullmatch(after):
            raise _odd(name, "is about a branch that was deleted")
        new = _ZERO.fullmatch(before) is not None
        return Event(
            name,
            _branch(name, ref.removeprefix("refs/heads/")),
            before=None if new else _oid(name, before),
            after=after,
            pushed_at=_pushed_at(payload),
        )
    if name == "workflow_run":
        return _followed(name, _inner(name, payload, "workflow_run"))
    if name in ("schedule", "workflow_dispatch", "repository_dispatch"):
        return Event(name, "")
    raise GateError(
        "bad-event",
        f"a run started by {name!r} judges nothing",
        hint="use pull_request, pull_request_target, pull_request_review, merge_group or push",
    )


def _pushed_at(payload: dict[str, Any]) -> str | None:
    """Return the server's time of a push; None where a forge tells none."""
    repository = payload.get("repository")
    told = repository.get("pushed_at") if isinstance(repository, dict) else None
    return str(told) if type(told) is int or (isinstance(told, str) and told) else None


def _followed(name: str, run: dict[str, Any]) -> Event:
    """Return the merge group that the run before was about; else an event that proposes nothing.

    The workflow of a merge group comes from what is queued, that of the run after it from the
    default branch. What kind of run it was is the forge's word.
    """
    place = _QUEUED.fullmatch(str(run.get("head_branch", "")))
    if run.get("event") != "merge_group" or place is None:
        return Event(name, "")
    return Event(
        name,
        _branch(name, place["base"]),
        head=_oid(name, run.get("head_sha")),
        queued=int(place["number"]),
    )


@frozen
class Step:
    """The files through which a step talks to its runner; None where there are none."""

    output: Path | None
    summary: Path | None

    def write(self, outputs: Mapping[str, str]) -> None:
        """Hand outputs to later steps. Raises GateError `output-failed`."""
        # A delimiter that nobody knows, so that no value can end early and add another.
        lines = []
        for name, value in outputs.items():
            mark = f"end-{secrets.token_hex(16)}"
            lines.append(f"{name}<<{mark}\n{value}\n{mark}\n")
        _append(self.output, "".join(lines))

    def summarise(self, markdown: str) -> None:
        """Add to the summary of the step. Raises GateError `output-failed`."""
        _append(self.summary, markdown + "\n")


def step_of(environment: Mapping[str, str]) -> Step:
    """Return the files of this step."""
    names = [environment.get(name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")]
    output, summary = (Path(name) if name else None for name in names)
    return Step(output, summary)


def credentials(server: str, token: str) -> dict[str, str]:
    """Return the variables under which git shows a token to one server, and to no other.

    The token stands in no command line and in no file. `server` is the URL of a forge.
    """
    parts = urlsplit(server)
    if not token or parts.scheme != "https" or not parts.netloc:
        return {}
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
    count = int(os.environ.get("GIT_CONFIG_COUNT", "0") or 0)
    return {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": f"http.https://{parts.netloc}/.extraheader",
        f"GIT_CONFIG_VALUE_{count}": f"AUTHORIZATION: basic {basic}",
    }


def _append(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise GateError(
            "output-failed", f"{path} could not be written: {error.strerror}"
        ) from error


def _inner(name: str, payload: dict[str, Any], key: str) -> dict[str, Any]:
    value = payload.get(key)
    if not isinstance(value, dict):
        raise _odd(name, f"has no {key}")
    return value


def _oid(name: str, value: object) -> str:
    if not isinstance(value, str) or not _OID.fullmatch(value):
        raise _odd(name, "names no commit")
    return value


def _branch(name: str, value: object) -> str:
    bad = not isinstance(value, str) or not _BRANCH.fullmatch(value) or value.startswith("-")
    odd = any(part in str(value) for part in ("..", "@{", "//"))
    if bad or odd or str(value).endswith((".lock", "/", ".")):
        raise _odd(name, "names no branch")
    return f"refs/heads/{value}"


def _odd(name: str, what: str) -> GateError:
    return GateError("bad-event", f"the event {name} of this run {what}")
