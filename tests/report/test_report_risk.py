"""How a measured risk reads: what is known, what is not, and nothing where nothing scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.decisions import HEAD, MEASURED, NOW, RISK, TIP, measured, pending

from itil_gate.model.facts import Facts, HistoryFacts, Inputs
from itil_gate.report import risk_words
from itil_gate.report.explanation import explain_decision
from itil_gate.report.json_report import decision_json
from itil_gate.report.markdown import decision_markdown
from itil_gate.report.text import decision_text
from itil_gate.risk.card import score_card
from itil_gate.risk.change_failure import CHANGE_FAILURE

if TYPE_CHECKING:
    from itil_gate.model.decision import Decision, RiskAssessment
    from itil_gate.model.score import LikelihoodScore

HISTORY = HistoryFacts(
    changes=900,
    failures=18,
    complete=False,
    base_ppm=20_149,
    file_ratio=1305,
    first_today=True,
    lines_added_percentile=None,
)


def scored(likelihood: LikelihoodScore | None) -> RiskAssessment:
    return MEASURED.model_copy(update={"likelihood": likelihood})


def decided(risk: RiskAssessment) -> Decision:
    first = pending()
    change = first.changes[0].model_copy(update={"risk": risk})
    return first.model_copy(update={"changes": (change,)})


def inputs() -> Inputs:
    facts = Facts(
        now=NOW,
        target="refs/heads/main",
        tip=TIP,
        merge_base=TIP,
        head=HEAD,
        head_tree=HEAD,
        merged_tree=HEAD,
        content="0" * 64,
        diff=(),
        commits=(),
        history=HISTORY,
    )
    return Inputs(facts=facts, judge=())


def test_summands_add_up_to_the_score_that_is_shown() -> None:
    points = [item.points or 0 for item in risk_words.summands(MEASURED)]
    assert sum(points) == MEASURED.score
    text = decision_text(measured(), color=False)
    assert "Risk: high, score 65 of 100" in text
    assert "+55: impact 4 of 5" in text


def test_without_history_every_factor_is_named_as_unknown() -> None:
    risk = scored(score_card(CHANGE_FAILURE, None))
    text = " ".join(decision_text(decided(risk), color=False).split())
    assert "unknown, counts at least as possible: there is no history to read here" in text
    for factor in CHANGE_FAILURE.factors:
        assert factor.id in text


def test_a_history_that_ends_too_early_is_said_to() -> None:
    risk = scored(score_card(CHANGE_FAILURE, HISTORY.model_copy(update={"complete": False})))
    assert risk.likelihood is not None
    incomplete = risk.likelihood.model_copy(update={"likelihood": "unknown"})
    assert "does not reach back a year" in risk_words.likelihood(scored(incomplete))


def test_a_model_without_a_card_is_said_to_have_none() -> None:
    assert "the risk model has no card" in risk_words.likelihood(scored(None))
    assert risk_words.points(scored(None)) == []
    assert risk_words.unknown(scored(None)) == ""


def test_where_nothing_scores_nothing_is_said() -> None:
    assert risk_words.score(RISK) == ""
    assert risk_words.impact(RISK) == ""
    assert risk_words.likelihood(RISK) == ""
    assert risk_words.summands(RISK) == []
    for text in (decision_text(pending(), color=False), decision_markdown(pending())):
        assert "likelihood " not in text.replace("likelihood:size", "")
        assert "score" not in text


def test_the_explanation_has_every_reason_and_every_number() -> None:
    text = explain_decision(measured(), inputs())
    assert "  1: every change starts here (base)" in text
    assert "900 changes of the last year, 18 of them failed" in text
    assert "usual rate of failure 2.0 %" in text
    assert "files fail: 1.30 times as often as usual" in text
    assert "first change to the files in 24 hours: yes" in text
    assert "changes that added fewer lines: not known" in text
    assert "Impact" not in explain_decision(pending(), None)


def test_json_leaves_nothing_out() -> None:
    text = decision_json(measured())
    assert '"score":65' in text
    assert '"factor":"file-record"' in text
    assert '"usualPpm":20140' in text


def test_names_of_strangers_stay_text() -> None:
    assert MEASURED.impact is not None
    reason = MEASURED.impact.reasons[0].model_copy(update={"reason": "<b>\x1b[31m` is of tier 2"})
    impact = MEASURED.impact.model_copy(update={"reasons": (reason,)})
    hostile = decided(MEASURED.model_copy(update={"impact": impact}))
    assert "\x1b" not in decision_text(hostile, color=False)
    assert "<b>" not in decision_markdown(hostile)
    assert "\x1b" not in explain_decision(hostile, None)
