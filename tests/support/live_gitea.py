"""A Gitea or Forgejo server that runs: its API, people of our own there, and a gate on its runner.

The server and an administrator's token come from the environment. What is made there is removed.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from itil_gate.forge.opening import open_forge
from itil_gate.model.config import ForgeSettings
from itil_gate.model.decision import StoredDecision

if TYPE_CHECKING:
    from contextlib import ExitStack

    from itil_gate.forge.protocol import Forge
    from support.runner import Runner
    from support.shell import Ran
    from support.world import World

URL = os.environ.get("ITIL_GATE_TEST_GITEA_URL", "").rstrip("/")
ADMIN = os.environ.get("ITIL_GATE_TEST_GITEA_TOKEN", "")
MISSING = "ITIL_GATE_TEST_GITEA_URL and ITIL_GATE_TEST_GITEA_TOKEN name no Gitea server"
HOST = URL.partition("://")[2]
MARK = "<!-- itil-gate -->"
EVERYTHING = {"status": "true", "comment": "true", "record": "true"}
NOT_YET = "Please try again later"
"""What Gitea says while it looks whether a pull request can be merged."""


def api(token: str, method: str, path: str, body: Any = None) -> Any:
    """Ask the server; raises urllib.error.HTTPError for 400 and above."""
    request = urllib.request.Request(  # noqa: S310 - the server that the environment names
        f"{URL}/api/v1{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": token, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None


@cache
def tells_targets() -> bool:
    """Return whether no change of target can be hidden on this server; on Forgejo it can."""
    version = str(api(f"token {ADMIN}", "GET", "/version")["version"])
    seen = re.match(r"1\.(\d+)\.(\d+)", version)
    return seen is not None and (int(seen[1]), int(seen[2])) >= (24, 6)


@dataclass(frozen=True)
class Account:
    """Somebody's account, with a token for everything they may."""

    login: str
    id: int
    password: str
    whole: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask in their name."""
        return api(f"token {self.whole}", method, path, body)

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Ask for what is refused; return status and message, 0 and nothing where it is not."""
        try:
            self.ask(method, path, body)
        except urllib.error.HTTPError as error:
            said = json.loads(error.read() or b"{}")
            return error.code, str(said.get("message", ""))
        return 0, ""

    def token(self, *scopes: str) -> str:
        """Return a token of theirs that may no more than this."""
        return _token(self.login, self.password, scopes)

    @property
    def address(self) -> str:
        """Where git asks in their name; a repository's path goes behind it."""
        scheme, _, place = URL.partition("://")
        return f"{scheme}://{self.login}:{self.password}@{place}"


def enrol(name: str, *, tag: str, stack: ExitStack) -> Account:
    """Make an account, which is removed with all it has when the stack ends."""
    login, password = f"t-{name}-{tag}", secrets.token_urlsafe(16)
    body = {"username": login, "email": f"{login}@example.test", "password": password}
    made = api(f"token {ADMIN}", "POST", "/admin/users", {**body, "must_change_password": False})
    stack.callback(api, f"token {ADMIN}", "DELETE", f"/admin/users/{login}?purge=true")
    return Account(login, made["id"], password, _token(login, password, ("all",)))


def _token(login: str, password: str, scopes: tuple[str, ...]) -> str:
    basic = base64.b64encode(f"{login}:{password}".encode()).decode()
    body = {"name": secrets.token_hex(4), "scopes": scopes}
    return str(api(f"Basic {basic}", "POST", f"/users/{login}/tokens", body)["sha1"])


@dataclass(frozen=True)
class Judged:
    """What came of one run of the gate: told to its caller, on the forge, and in the ledger."""

    code: int
    outcome: str
    codes: tuple[str, ...]
    """The codes of the reviews in the ledger, oldest first."""
    status: str
    comments: tuple[str, ...]
    """Every comment of the gate's account; there should be one."""


@dataclass
class Stage:
    """A project on the server that has adopted the gate, its people, and the gate on a runner."""

    owner: Account
    alice: Account
    bob: Account
    outsider: Account
    gate: Account
    world: World
    runner: Runner
    keys: dict[str, str]
    said: list[str] = field(default_factory=list)
    """What the runs wrote, for whoever looks why one of them ended otherwise."""

    @property
    def project(self) -> str:
        """Owner and name."""
        return f"{self.owner.login}/live"

    @property
    def repo(self) -> str:
        """The repository's path in the API."""
        return f"/repos/{self.project}"

    @property
    def forge(self) -> Forge:
        """The forge as the gate's own token sees it."""
        url = f"{URL}/api/v1"
        settings = ForgeSettings(kind="gitea", url=url, host=HOST, project=self.project)
        return open_forge(settings, token=self.gate.whole)

    def push(self, who: Account, *words: str) -> None:
        """Push over HTTP in somebody's name."""
        self.world.repo.git("push", "-q", f"{who.address}/{self.project}.git", *words)

    def propose(self, *, base: str = "main") -> int:
        """Let Alice push what the world's branch `feature` holds, and open a pull request."""
        self.push(self.alice, "feature")
        body = {"head": "feature", "base": base, "title": "A change"}
        for left in range(40, -1, -1):
            try:
                number = int(self.alice.ask("POST", f"{self.repo}/pulls", body)["number"])
            except urllib.error.HTTPError as error:
                error.close()
                if error.code != 404 or not left:
                    raise
                time.sleep(0.25)  # it hears of the branch a while after the push
            else:
                self.settle(number)
                return number
        raise AssertionError

    def settle(self, number: int) -> None:
        """Wait until the server knows who pushed the branch, which it learns after the push."""
        head = self.world.repo.tip("feature")
        for _ in range(80):
            pull = self.forge.pull(number).pull
            if pull.head == head and pull.head_since and pull.base_since:
                break
            time.sleep(0.25)
        time.sleep(1.1)  # what happens in one second has no order there

    def review(self, who: Account, number: int, event: str) -> int:
        """Let somebody review; return the review's number."""
        body = {"event": event, "body": "so I say"}
        made = who.ask("POST", f"{self.repo}/pulls/{number}/reviews", body)
        time.sleep(1.1)
        return int(made["id"])

    def pull(self, number: int) -> Any:
        """Return a pull request as the server tells of it."""
        return self.gate.ask("GET", f"{self.repo}/pulls/{number}")

    def run(self, number: int, payload: Any = None, **inputs: str) -> Ran:
        """Run the action on an event about a pull request, as it is now unless told."""
        self.runner.event("pull_request_target", {"pull_request": payload or self.pull(number)})
        ran = self.runner.act(**(EVERYTHING | {"token": self.gate_token} | inputs))
        self.said.append(ran.out + ran.err)
        return ran

    @property
    def gate_token(self) -> str:
        """A token with the scopes that the documentation asks for, and no more."""
        return self.gate.token("write:repository", "write:issue", "read:user")

    def judge(self, number: int) -> Judged:
        """Run the action, and look at everything that came of it."""
        ran = self.run(number)
        text = (self.runner.temp / "itil-gate-decision.json").read_text(encoding="utf-8")
        decision = StoredDecision.model_validate_json(text).decision
        pull = self.pull(number)
        head, base = str(pull["head"]["sha"]), str(pull["base"]["ref"])
        assert self.runner.outputs["outcome"] == decision.outcome, self.said[-1]
        assert decision.head == head
        (change,) = decision.changes
        reviews = [one for one in change.ledger if one.rank == "forge-review"]
        reviews.sort(key=lambda one: one.review.sequence if one.review else 0)
        statuses = {one.context: one for one in self.forge.statuses(head)}
        status = statuses["itil-gate" if base == "main" else f"itil-gate: {base}"]
        assert status.creator is not None
        assert status.creator.id == self.gate.id
        return Judged(
            code=ran.code,
            outcome=decision.outcome,
            codes=tuple(one.code for one in reviews),
            status=status.state,
            comments=self.comments(number),
        )

    def comments(self, number: int) -> tuple[str, ...]:
        """Return the comments of the gate's account."""
        rows = self.alice.ask("GET", f"{self.repo}/issues/{number}/comments")
        found = [one["body"] for one in rows if one["user"]["id"] == self.gate.id]
        assert all(one.startswith(MARK) for one in found)
        return tuple(found)

    def merge(self, number: int, **body: str) -> tuple[int, str]:
        """Let Alice ask for the merge; return status and message, 0 and nothing if it is done."""
        path = f"{self.repo}/pulls/{number}/merge"
        for _ in range(240):
            said = self.alice.refused("POST", path, {"Do": "merge", **body})
            if said[1] != NOT_YET:
                break
            time.sleep(0.25)
        # Forgejo puts this into words of its own.
        reason = re.fullmatch(r"not allowed to merge \[reason: (.*)\]", said[1])
        return (said[0], reason[1]) if reason else said

    def landed(self, before: str) -> Ran:
        """Run the action on the push that a merge was; it records what it finds."""
        after = self.tip("main")
        self.runner.event("push", {"ref": "refs/heads/main", "before": before, "after": after})
        ran = self.runner.act("merged", record="true", token=self.gate_token)
        self.said.append(ran.out + ran.err)
        return ran

    def tip(self, branch: str) -> str:
        """Return where a branch is on the server."""
        return str(self.gate.ask("GET", f"{self.repo}/branches/{branch}")["commit"]["id"])
