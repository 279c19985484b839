"""Who made a commit, read quickly, is who the gate reads everywhere else."""

from __future__ import annotations

import pytest

from itil_gate.audit.who import who_of
from itil_gate.decide.roster import Roster
from itil_gate.git.history import parse_commit
from itil_gate.git.objects import GitObject

NOBODY = Roster(None, {}, {}, {}, {}, {})  # type: ignore[arg-type]
HEAD = b"tree " + b"a" * 40 + b"\nparent " + b"b" * 40 + b"\n"


@pytest.mark.parametrize(
    "people",
    [
        b"author A B <a@b> 1700000000 +0100\ncommitter C <c@d> 1700000001 -0500\n",
        b"author  <> 1 +0000\ncommitter x <> 0 +0000\n",
        "author Ä <ä@b> 1 +0000\ncommitter Ö <ö@b> 2 +0000\n".encode(),
        "author Ä <a@b> 1 +0000\ncommitter Ö <c@d> 2 +0000\nencoding latin-1\n".encode("latin-1"),
        b"author A <a@b>> 1 +0000\ncommitter C <<c@d> 2 +0000\n",
        b"author A <a@b>\ncommitter C <c@d>\n",
        b"committer C <c@d> 2 +0000\nauthor A <a@b> 1 +0000\n",
        b"author A <a@b> 1 +0000\nauthor B <b@b> 1 +0000\ncommitter C <c@d> 2 +0000\n",
        b"author A <a@b> 1 +0000\ncommitter C <c@d> 99999999999999999 +0000\n",
        b"author A <a@b> 1 +0000\ncommitter C <c@d> 999999999999 +0000\n",
        b"",
    ],
)
def test_both_ways_of_reading_a_commit_agree(people: bytes) -> None:
    thing = GitObject("c" * 40, "commit", HEAD + people + b"\nauthor X <x@y> 1 +0000\n")
    plain, quick = parse_commit(thing), who_of(thing, NOBODY)
    assert (quick.author, quick.author_email) == (plain.author.name, plain.author.email)
    assert (quick.committer, quick.committer_email) == (
        plain.committer.name,
        plain.committer.email,
    )
    assert quick.at is None or quick.at.timestamp() == plain.committed_at
