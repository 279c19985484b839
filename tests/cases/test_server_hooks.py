"""Server hooks: what is written, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import Bookish, open_books, private_keys
from support.cases import case
from support.hub import APPROVALS, open_hub
from support.shell import GATE
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

HOOK = """#!/bin/sh
read old new ref
exec {gate} check --base "$old" --head "$old" --target "$ref" --record --local {keys}
"""


@pytest.mark.heavy
@case("315")
def test_nothing_is_recorded_before_the_push_is_accepted(world: World, tmp_path: Path) -> None:
    """A hook pre-receive that records leaves the log as it was; post-receive records."""
    open_books(world)
    private_keys(tmp_path)
    named = {"--log-key": "ITIL_GATE_LOG_KEY", "--recorder-key": "ITIL_GATE_RECORDER_KEY"}
    keys = [part for option, name in named.items() for part in (option, str(tmp_path / name))]
    hub = open_hub(world, tmp_path / "hub.git", *keys)
    world.propose()
    world.approve("bob")
    assert hub.push(APPROVALS).taken
    hook = hub.server.path / "hooks" / "pre-receive"
    ours = hook.read_text()
    log, files = hub.server.tip("audit-log"), hub.objects()
    hook.write_text(HOOK.format(gate=GATE, keys=" ".join(keys)))
    refused = hub.push("feature:main")
    assert not refused.taken
    assert "in-quarantine: nothing is recorded while a push is not accepted yet" in refused.said
    assert hub.server.tip("audit-log") == log
    assert hub.objects() == files
    hook.write_text(ours)
    assert hub.push("feature:main").taken
    kinds = Bookish(World(hub.server, world.keyring, now=world.now)).kinds()
    assert kinds[-3:] == ["gate-decision", "approval", "ref-update"]
