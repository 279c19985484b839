"""Same inputs, same bytes: in another process, with other hashes, and again in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.scenes import Scenes, inputs, trials

from itil_gate.decide.gate import decide
from itil_gate.model.canonical import canonical
from itil_gate.model.facts import Inputs

if TYPE_CHECKING:
    from pathlib import Path

DECIDER = """\
import sys
from itil_gate.decide.gate import decide
from itil_gate.model.canonical import canonical
from itil_gate.model.facts import Inputs

for line in sys.stdin.buffer:
    sys.stdout.buffer.write(canonical(decide(Inputs.model_validate_json(line))) + b"\\n")
"""
EXAMPLES = 12


def other_process(asked: bytes, seed: str, directory: Path) -> bytes:
    """Decide on one input a line in a fresh process, in another zone and another folder."""
    env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Pacific/Chatham", "LC_ALL": "C"}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", DECIDER],
        input=asked, env=env, cwd=directory, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_fresh_processes_with_other_hashes_give_the_same_bytes(
    scenes: Scenes, tmp_path: Path
) -> None:
    asked: list[Inputs] = []

    @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def collect(data: st.DataObject) -> None:
        made = data.draw(inputs(scenes))
        proposed = scenes.judge(data.draw(st.sampled_from([*sorted(scenes.judges)])))
        if data.draw(st.booleans()):
            made = made.model_copy(update={"proposed": proposed})
        asked.append(made)

    collect()
    assert len(asked) >= EXAMPLES
    lines = b"".join(canonical(one) + b"\n" for one in asked)
    here = b"".join(canonical(decide(one)) + b"\n" for one in asked)
    assert other_process(lines, "1", tmp_path) == here
    assert other_process(lines, "4242", tmp_path) == here


@trials(60)
@given(data=st.data())
def test_what_is_stored_is_what_was_decided_upon(scenes: Scenes, data: st.DataObject) -> None:
    asked = data.draw(inputs(scenes))
    again = Inputs.model_validate_json(canonical(asked))
    assert again == asked
    assert canonical(decide(again)) == canonical(decide(asked))
