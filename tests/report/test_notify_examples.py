"""The bridges of examples/: run with the real jq and curl, on what `check --notify` writes.

Where they post is a server of this test; the program that takes the mail is a stand-in that keeps
what it is given.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.forge_server import ForgeServer, Say, forge_server
from support.peers import MissingPeerError, needed

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
TITLE = "<!channel> @all `rm` [x](https://evil.example) <b>ü</b>"
CONTACTS = [
    {"person": "bob", "name": "Bob", "emails": ["bob@example.com", "b@x.org"], "accounts": []},
    {"person": "dave", "name": "Dave", "emails": ["dave@example.com"], "accounts": []},
    {"person": "kim", "name": "", "emails": [], "accounts": []},
]
TOLD: dict[str, Any] = {
    "apiVersion": "itil-gate/notification/v1",
    "outcome": "pending",
    "repository": "example.com/acme/payments",
    "since": "2026-11-22T20:00:00Z",
    "pull": {"number": 7, "title": TITLE, "url": "https://github.com/acme/pay/pull/7"},
    "changes": [
        {"id": "CHG-2026-AAAA0001", "title": TITLE, "risk": "medium"},
        {"id": "CHG-2026-AAAA0002", "title": "Other", "risk": "low"},
    ],
    "actions": [
        {
            "who": CONTACTS,
            "changes": ["CHG-2026-AAAA0001"],
            "command": "itil-gate approve CHG-2026-AAAA0001 --head 1a2b",
            "isCommand": True,
            "why": "owner: service-owner",
        },
        {"who": [], "changes": [], "command": "ask", "isCommand": False, "why": "coverage"},
    ],
    "failure": None,
}


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with forge_server() as running:
        running.on("POST", "/hook", Say({"ok": True}))
        yield running
    assert not running.faults


def bridge(name: str, told: dict[str, Any], tmp_path: Path, **env: str) -> int:
    def programs() -> None:
        for program in ("jq", "curl", "base64"):
            if shutil.which(program) is None:
                raise MissingPeerError(f"{program} is not installed")

    needed(programs)
    file = tmp_path / "told.json"
    file.write_text(json.dumps(told), "utf-8")
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **env}
    return subprocess.run([EXAMPLES / name, file], env=kept, check=False, timeout=60).returncode


def test_a_chat_gets_one_message_an_action_and_obeys_no_title(
    server: ForgeServer, tmp_path: Path
) -> None:
    url = f"{server.url}/hook"
    assert bridge("notify-webhook.sh", TOLD, tmp_path, WEBHOOK_URL=url) == 0
    first, second = (asked.body["text"] for asked in server.asked)
    assert first.startswith("https://github.com/acme/pay/pull/7 waits for bob or dave or kim: ")
    assert "itil-gate approve CHG-2026-AAAA0001 --head 1a2b" in first
    assert "&lt;!channel&gt; @\u200ball" in first
    assert not set("<>`[]") & set(first)
    assert "@all" not in first
    assert "CHG-2026-AAAA0002" not in first
    assert "waits for anybody: ask" in second


def test_a_chat_hears_of_what_could_not_be_decided_and_nothing_of_what_is_well(
    server: ForgeServer, tmp_path: Path
) -> None:
    url = f"{server.url}/hook"
    broken = {
        **TOLD,
        "repository": None,
        "pull": None,
        "actions": [],
        "failure": {"code": "x", "message": "no <way>", "hint": ""},
    }
    assert bridge("notify-webhook.sh", broken, tmp_path, WEBHOOK_URL=url) == 0
    (asked,) = server.asked
    assert asked.body == {"text": "itil-gate: could not decide: no &lt;way&gt;"}
    well = {**TOLD, "outcome": "allow", "actions": []}
    assert bridge("notify-webhook.sh", well, tmp_path, WEBHOOK_URL=url) == 0
    assert len(server.asked) == 1


def test_a_chat_that_refuses_is_an_error(server: ForgeServer, tmp_path: Path) -> None:
    server.on("POST", "/hook", Say({}, status=403))
    assert bridge("notify-webhook.sh", TOLD, tmp_path, WEBHOOK_URL=f"{server.url}/hook") != 0


def test_a_mail_goes_to_who_can_act_and_no_title_makes_a_header(tmp_path: Path) -> None:
    keeper = tmp_path / "sendmail"
    keeper.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >"$0.to"\ncat >"$0.mail"\n')
    keeper.chmod(0o755)
    hostile = json.loads(json.dumps(TOLD))
    hostile["changes"][0]["title"] = f"{TITLE}\r\n\r\nBcc: eve@example.com\n.\nmore"
    assert bridge("notify-mail.sh", hostile, tmp_path, SENDMAIL=str(keeper)) == 0
    given = (tmp_path / "sendmail.to").read_text().split()
    assert given == ["-i", "--", "bob@example.com", "dave@example.com"]
    mail = message_from_bytes((tmp_path / "sendmail.mail").read_bytes(), policy=policy.default)
    assert mail["To"] == "bob@example.com, dave@example.com"
    assert mail["Subject"] == "[itil-gate] CHG-2026-AAAA0001 waits for you"
    assert mail["Bcc"] is None
    assert set(mail.keys()) == {
        *("To", "Subject", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding"),
    }
    text = mail.get_content()
    assert "to do:  itil-gate approve CHG-2026-AAAA0001 --head 1a2b" in text
    assert "waiting since 2026-11-22T20:00:00Z" in text
    assert not any(line == "." or line.startswith("Bcc") for line in text.splitlines())


def test_a_mail_that_is_not_taken_is_an_error(tmp_path: Path) -> None:
    assert bridge("notify-mail.sh", TOLD, tmp_path, SENDMAIL="/bin/false") != 0
