"""A layer of rules on top can refuse more, and can free nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rules import HEAD, rule, rule_set
from support.scenes import Scenes, inputs, rank, stored, trials

from itil_gate.decide.gate import decide
from itil_gate.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.model.policy import Source

EXPECTATIONS = (
    "true || diff.files > 0",
    "diff.files < 3",
    "change.spec.significant",
    "has(change.spec.risk)",
    "risk.level != 'high'",
    "lane == 'peer'",
)


def profile(name: str, below: str | None, enforcement: dict[str, str]) -> Source:
    """Return the document that makes a folder a layer."""
    lower = f"  extends: {below}\n" if below else ""
    inner = ", ".join(f"{key}: {value}" for key, value in enforcement.items())
    text = f"{HEAD.replace('NAME', name)}kind: Profile\nspec:\n  title: A layer\n{lower}"
    text += f"  enforcement: {{{inner}}}\n" if enforcement else ""
    return stored(f"policies/{name}/profile.yaml", text)


def below(name: str, judge: Iterable[Source]) -> tuple[Source, ...]:
    """Return the judge's texts with its policies as a layer of this name."""
    return tuple(
        stored(one.path.replace("policies/", f"policies/{name}/"), one.text) for one in judge
    )


@st.composite
def rules(draw: st.DrawFn, prefix: str) -> str:
    """A rule set of any strictness; the names of its rules begin with a prefix."""
    made = [
        rule(
            draw(st.sampled_from(EXPECTATIONS)),
            name=f"{prefix}-{number}",
            enforcement=draw(st.sampled_from(["advisory", "soft", "hard"])),
            mode=draw(st.sampled_from(["enforce", "audit"])),
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    return rule_set(*made, name=prefix)


@trials(100)
@given(data=st.data())
def test_a_layer_that_has_nothing_but_rules_frees_nothing(
    scenes: Scenes, data: st.DataObject
) -> None:
    flat = data.draw(inputs(scenes, judges=["plain", "ruled", "waived"], calm=True))
    lowest = (*below("base", flat.judge), profile("base", None, {}))
    lower = decide(flat.model_copy(update={"judge": lowest}))
    assert lower.outcome == decide(flat).outcome
    text = data.draw(rules("above"))
    judge: tuple[Source, ...] = (*lowest, stored("policies/own.yaml", text))
    if data.draw(st.booleans()):
        ours = "above-0"
        stricter = {ours: "hard"} if data.draw(st.booleans()) else {}
        judge = (*lowest, stored("policies/top/more.yaml", text), profile("top", "base", stricter))
    higher = decide(flat.model_copy(update={"judge": judge}))
    assert rank(higher.outcome) >= rank(lower.outcome)


@trials(60)
@given(data=st.data(), enforcement=st.sampled_from(["advisory", "soft", "hard"]))
def test_a_hard_rule_below_is_never_written_again(
    scenes: Scenes, data: st.DataObject, enforcement: str
) -> None:
    """Such a set does not load; a rule that is not hard may be replaced by the layer above."""
    flat = data.draw(inputs(scenes, judges=["plain"], calm=True))
    old = rule_set(rule("diff.files < 2", name="again", enforcement=enforcement), name="old")
    written = rule("true || diff.files > 0", name="again", enforcement="advisory", replaces="base")
    new = rule_set(written, name="new")
    lowest = (*below("base", flat.judge), profile("base", None, {}))
    judge = (*lowest, stored("policies/base/old.yaml", old), stored("policies/new.yaml", new))
    asked = flat.model_copy(update={"judge": judge})
    if enforcement == "hard":
        with pytest.raises(ConfigError) as refused:
            decide(asked)
        assert {one.rule for one in refused.value.findings} == {"hard-rule-loosened"}
    else:
        assert rank(decide(asked).outcome) >= rank(decide(flat).outcome)
