"""A review's line in every report: who, by which account, in which state, of which commit."""

from __future__ import annotations

import json

import pytest
from support.decisions import ALICE, HEAD, SAMPLES

from itil_gate.model.facts import Review
from itil_gate.report import DECISION_FORMATS

EVIL = "\x1b[31m<b>@all</b>\n::error::x|[a](http://x)"


def shown(form: str, **edits: object) -> str:
    """Return the allowed sample with one review in its ledger, in a format."""
    assert ALICE.review is not None
    review = ALICE.review.model_copy(update=edits)
    sample = SAMPLES["allowed"]()
    (change,) = sample.changes
    entry = ALICE.model_copy(update={"review": review})
    change = change.model_copy(update={"ledger": (entry,)})
    text = DECISION_FORMATS[form](sample.model_copy(update={"changes": (change,)}))
    return " ".join(text.replace("\\", "").split()) if form in ("text", "markdown") else text


@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({}, "by alice, account 1001 of github.com: approved, commit 9f8e7d6c5b4a,"),
        ({"dismissed": True}, "approved, dismissed, commit 9f8e7d6c5b4a,"),
        ({"state": "changes-requested"}, "changes requested, commit 9f8e7d6c5b4a,"),
        ({"state": "unknown", "dismissed": True}, "state hidden, dismissed, commit 9f8e7d6c5b4a,"),
        ({"commit": None}, "approved, no commit,"),
    ],
)
def test_a_review_is_shown_with_account_state_and_commit(
    form: str, edits: dict[str, object], said: str
) -> None:
    text = shown(form, **edits).replace("&#8203;", "")
    assert said in text
    assert "NOT COUNTED" in text
    assert "contributor: requester" in text


@pytest.mark.parametrize("form", sorted(DECISION_FORMATS))
def test_a_login_is_shown_and_never_obeyed(form: str) -> None:
    text = shown(form, login=EVIL)
    assert "\x1b" not in text
    assert "\n::error" not in text
    if form == "markdown":
        assert "<b>" not in text
        assert "@all" not in text


def test_json_and_sarif_hold_the_review() -> None:
    told = json.loads(shown("json"))
    (entry,) = (told.get("decision") or told)["changes"][0]["ledger"]
    review = Review.model_validate_json(json.dumps(entry["review"]))
    assert (review.account, review.commit) == (1001, HEAD)
    (line,) = json.loads(shown("sarif"))["runs"][0]["properties"]["reviews"]
    assert (line["counted"], line["code"]) == (False, "contributor")
    assert "account 1001 of github.com" in line["said"]
