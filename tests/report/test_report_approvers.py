"""The report on approvers in words: no shares of few, and no text of strangers obeyed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.approvers import BEGIN, word

from itil_gate.audit.approver_report import masked
from itil_gate.audit.approver_rows import Approvers, Pair, Terms
from itil_gate.audit.approvers import Moments, Tally
from itil_gate.report.approvers_text import (
    approvers_json,
    approvers_markdown,
    approvers_text,
    length_text,
)

if TYPE_CHECKING:
    from itil_gate.audit.approvers import Word

HOSTILE = "\x1b[31m<img src=x> @all ##[error]\n::error::x"


def report(*words: Word, **more: Any) -> Approvers:
    tally = Tally(Terms())
    for one in words:
        tally.add(one)
    parts: dict[str, Any] = {
        "repository": "example.com/acme/payments",
        "target": "refs/heads/main",
        "tip": "a" * 40,
        "log": 7,
        "terms": tally.terms,
        "approvers": tally.approvers(),
        "pairs": tally.pairs(),
        "unreadable": {},
    }
    return Approvers(**(parts | more))


def test_strangers_text_is_shown_in_every_place_and_obeyed_in_none() -> None:
    found = report(
        word(HOSTILE, name=HOSTILE, kind=HOSTILE, changes=(HOSTILE,), requesters=(HOSTILE,)),
        word("x", counted=False, code=HOSTILE),
        repository=HOSTILE,
        target=HOSTILE,
        unreadable={HOSTILE: 1},
        unreadable_paths=(HOSTILE,),
        pairs=(Pair(one=HOSTILE, other="x", one_approved=1, other_approved=1),),
    )
    text, page, data = approvers_text(found), approvers_markdown(found), approvers_json(found)
    assert "<img src=x>" in text
    for shown in (text, page, data):
        assert "\x1b" not in shown
        assert "##[" not in shown
        assert "\n::error" not in shown
    assert "<img" not in page
    assert "@all" not in page
    assert json.loads(data)["approvers"][0]["name"] == HOSTILE


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d 0 h"),
        (900_000, "10 d 10 h"),
    ],
)
def test_lengths_of_time_are_said_in_two_units(seconds: int, shown: str) -> None:
    assert length_text(seconds) == shown


def test_shares_are_told_from_ten_on() -> None:
    few = approvers_text(report(*(word(number=at) for at in range(9))))
    assert " %" not in few
    assert "fewer than 10" in few
    enough = approvers_text(report(*(word(number=at) for at in range(10))))
    assert "approved 100 % of what they approved or rejected" in enough
    assert "10 of 10 (100 %) within 5 min" in enough


def test_what_was_longer_perhaps_and_what_is_a_hint_is_said() -> None:
    text = approvers_text(
        report(
            word(number=1, moments=Moments(dated=BEGIN + 60, recorded=BEGIN), lines=100),
            word(number=2, moments=Moments(dated=BEGIN + 60, committed=BEGIN)),
            word(number=3, moments=Moments(dated=BEGIN)),
            word(number=4, moments=Moments(dated=BEGIN, pushed=BEGIN + 9)),
            word(number=5, moments=Moments(dated=BEGIN + 999, heard=BEGIN + 9, pushed=BEGIN)),
        )
    )
    assert "for 1 it may have been longer, as the log came later" in text
    assert "by dates of commits, a hint: median 1 min" in text
    assert "not measured: 1 of content whose time is not known" in text
    assert "not measured: 1 dated before the content could be seen" in text
    assert "1 statement dated later than the log recorded them" in text
    assert "1 of 1 measured with 100 changed lines or more were faster than 500 lines" in text


def test_only_ten_pairs_are_listed_and_the_rest_counted() -> None:
    pairs = [Pair(one=f"a{at}", other="b", one_approved=1, other_approved=1) for at in range(12)]
    text = approvers_text(report(pairs=tuple(pairs)))
    assert "a9 approved 1 change of b" in text
    assert "a10" not in text
    assert "and 2 more pairs" in text


def test_every_name_gets_one_number_and_keeps_it() -> None:
    found = masked(
        report(
            word("bob", number=1, requesters=("alice",)),
            word("bob", number=2, requesters=("alice",)),
            word("alice", number=3, requesters=("bob", "zoe")),
        )
    )
    first, second = found.approvers
    assert (first.who, second.who) == ("person 1", "person 2")
    assert [one.requester for one in second.for_whom] == ["person 1", "person 3"]
    assert (found.pairs[0].one, found.pairs[0].other) == ("person 2", "person 1")
