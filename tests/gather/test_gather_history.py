"""History is read where a risk model of the target has a card for it, and sealed with the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.repository import Keyring, Repo
from support.world import CHG, RISK, World, adopt, only, request_file

from itil_gate.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MEASURED = """\
apiVersion: itil-gate/v1
kind: RiskModel
metadata: {name: measured, owner: change-authority, reviewBy: 2027-01-01}
spec:
  impact:
    tiers: [{tier: 1, impact: 5}, {tier: 2, impact: 4}, {tier: 3, impact: 2}]
  card: change-failure
  matrix:
    - [0, 5, 10, 20]
    - [5, 10, 20, 35]
    - [10, 20, 35, 55]
    - [10, 20, 55, 75]
    - [35, 55, 75, 95]
  bands:
    - {level: low, upTo: 24}
    - {level: medium, upTo: 49}
    - {level: high, upTo: 74}
    - {level: critical, upTo: 100}
"""


def measured(repo: Repo, keyring: Keyring, *, risk: str = MEASURED) -> World:
    """A world in which five changes landed on src/app.py, of which two were taken back."""
    adopt(repo, keyring, risk=risk)
    world = World(repo, keyring)
    for number in range(5):
        tip = world.commit({"src/app.py": f"print({number})\n"}, message=f"Edit {number}")
        if number in (1, 3):
            message = f'Revert "Edit {number}"\n\nThis reverts commit {tip}.'
            world.commit({"src/app.py": "print('back')\n"}, message=message)
    world.propose()
    return world


def test_a_card_asks_for_history(repo: Repo, keyring: Keyring) -> None:
    world = measured(repo, keyring)
    history = world.inputs().facts.history
    assert history is not None
    assert (history.changes, history.failures, history.complete) == (6, 2, True)
    assert history.file_failures_365 == 2
    risk = only(world.check()).risk
    assert risk.likelihood is not None
    assert risk.likelihood.likelihood in ("unlikely", "possible", "likely")
    assert risk.score is not None
    assert (risk.contributions[0].source, risk.contributions[0].points) == (
        *("measured:matrix", risk.score),
    )


def test_the_request_is_no_part_of_what_is_measured(repo: Repo, keyring: Keyring) -> None:
    world = measured(repo, keyring)
    bare = world.inputs().facts.history
    assert bare is not None
    assert bare.config_percent == 0
    world.repo.checkout("feature")
    longer = "".join(f"  # line {number}\n" for number in range(500))
    world.commit({f"changes/2026/{CHG}.yaml": request_file(extra=longer)})
    assert world.inputs().facts.history == bare


def test_without_a_card_nobody_reads_history(
    repo: Repo, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("history was read")

    monkeypatch.setattr("itil_gate.gather.record.read_history", refuse)
    world = measured(repo, keyring, risk=RISK)
    assert world.inputs().facts.history is None
    assert only(world.check()).risk.score is None


def test_history_is_part_of_what_is_sealed(repo: Repo, keyring: Keyring) -> None:
    world = measured(repo, keyring)
    inputs = world.inputs()
    assert world.inputs() == inputs
    text = inputs.model_dump_json()
    assert type(inputs).model_validate_json(text) == inputs
    assert '"file_failures_365": 2' in text


def test_a_shallow_clone_leaves_the_likelihood_unknown_and_not_low(
    repo: Repo, keyring: Keyring, tmp_path: Path
) -> None:
    world = measured(repo, keyring)
    whole = only(world.check()).risk
    clone = tmp_path / "shallow"
    repo.git("clone", "--quiet", "--no-single-branch", "--depth=2", f"file://{repo.path}", clone)
    shallow = World(Repo(clone), keyring)
    shallow.repo.git("branch", "--force", "main", "origin/main")
    inputs = shallow.inputs("origin/feature")
    history = inputs.facts.history
    assert history is not None
    assert not history.complete
    risk = only(shallow.check("origin/feature")).risk
    assert risk.likelihood is not None
    assert risk.likelihood.likelihood == "unknown"
    assert risk.score == 55
    assert whole.likelihood is not None
    assert whole.likelihood.likelihood != "unknown"


def test_a_set_that_does_not_load_fails_as_it_would_without_history(
    repo: Repo, keyring: Keyring
) -> None:
    world = measured(repo, keyring, risk=MEASURED.replace("upTo: 100", "upTo: 99"))
    assert world.inputs().facts.history is None
    with pytest.raises(ConfigError) as caught:
        world.check()
    assert caught.value.code == "invalid-policy-set"


def test_factors_that_would_count_for_nothing_do_not_load(repo: Repo, keyring: Keyring) -> None:
    factors = "factors: [{id: a, when: 'true', points: 5, reason: So it is.}]"
    world = measured(repo, keyring, risk=f"{RISK}  {factors}\n")
    with pytest.raises(ConfigError) as caught:
        world.check()
    assert [finding.rule for finding in caught.value.findings] == ["missing-key"]
