"""The text of itil-gate.yaml, edited by a key and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.log import CHECKPOINT, RECORDER, signer

from itil_gate.log.pins import pins_of
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import ConfigError
from itil_gate.model.policy import Source
from itil_gate.policy.compile import read_config
from itil_gate.release.pinning import key_row, with_end, with_key
from itil_gate.signing.ed25519 import public_line

ONE, TWO = public_line(CHECKPOINT.public), public_line(RECORDER.public)
NEW = signer(9).public
HEAD = "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a/b\n"
FLOW = f"""\
log: # who is believed
  keys:
    - {{use: checkpoint, key: {ONE}}} # made in 2026
    - {{use: recorder, key: "{ONE}", since: 0}}
    - {{use: recorder, key: {TWO}}}
release:
  environments: [production]
"""
BLOCK = f"""\
exempt:
- paths: [docs/**]
  reason: Prose.
  reviewBy: 2027-01-01
log:
  witnesses:
  - name: auditor
    key: {TWO}
  keys:
  - use: checkpoint
    key: {ONE}
  - key: {ONE}
    use: recorder
    since: 3
  - since: 4
    use: recorder
    key: {TWO} # the runner
"""
TEXTS = (FLOW, BLOCK, FLOW.replace("  environments: [production]\n", "  provenance: attested"))


def _keys(text: str) -> list[tuple[str, bytes, int, int | None]]:
    config = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})
    assert config.log is not None
    return sorted((pin.use, pin.public, pin.since, pin.until or -1) for pin in pins_of(config.log))


@pytest.mark.parametrize("body", TEXTS)
def test_a_key_is_added_and_every_other_line_stays(body: str) -> None:
    text = with_key(HEAD + body, "recorder", NEW, since=17)
    assert text is not None
    added = [
        line for line in text.splitlines() if line.strip() == key_row("recorder", NEW, since=17)
    ]
    assert len(added) == 1
    assert text.replace(f"{added[0]}\n", "") == HEAD + body
    assert _keys(text) == sorted([*_keys(HEAD + body), ("recorder", NEW, 17, -1)])


@pytest.mark.parametrize("body", TEXTS)
@pytest.mark.parametrize(
    ("use", "public"),
    [
        ("checkpoint", CHECKPOINT.public),
        ("recorder", CHECKPOINT.public),
        ("recorder", RECORDER.public),
    ],
)
def test_a_key_ends_and_only_for_its_use(body: str, use: str, public: bytes) -> None:
    before = _keys(HEAD + body)
    text = with_end(HEAD + body, use, public, until=8)  # type: ignore[arg-type]
    assert text is not None
    wanted = [(*row[:3], 8) if row[:2] == (use, public) else row for row in before]
    assert _keys(text) == sorted(wanted)
    assert text.count("#") == body.count("#")
    # It may end earlier, and never later than it was said to.
    assert with_end(text, use, public, until=9) == text  # type: ignore[arg-type]
    sooner = with_end(text, use, public, until=7)  # type: ignore[arg-type]
    assert sooner is not None
    assert _keys(sooner) == sorted((*row[:3], 7) if row[3] == 8 else row for row in wanted)


def test_what_is_written_in_one_line_is_left_alone() -> None:
    inline = f"log: {{keys: [{{use: checkpoint, key: {ONE}}}, {{use: recorder, key: {TWO}}}]}}\n"
    assert with_key(HEAD + inline, "recorder", NEW, since=1) is None
    assert with_end(HEAD + inline, "recorder", RECORDER.public, until=1) is None


def test_a_text_that_is_no_configuration_with_a_log_is_refused() -> None:
    for text in (HEAD, "", "- 1\n", HEAD + "log: {}\n"):
        with pytest.raises(ConfigError):
            with_key(text, "recorder", NEW, since=1)
        with pytest.raises(ConfigError):
            with_end(text, "recorder", RECORDER.public, until=1)


@given(since=st.integers(0, 10**9), until=st.integers(0, 10**9))
def test_any_position_comes_back_as_it_was_given(since: int, until: int) -> None:
    text = with_key(HEAD + FLOW, "checkpoint", NEW, since=since)
    assert text is not None
    ended = with_end(text, "checkpoint", NEW, until=until)
    assert ended is not None
    assert ("checkpoint", NEW, since, until or -1) in _keys(ended)
