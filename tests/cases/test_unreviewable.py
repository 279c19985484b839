"""Changes that nobody can review, and the ways to make one look as if somebody could.

Erin is a colleague and may approve what is of low risk; what nobody can read is for an owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.world import RISK, World, only

from itil_gate.decide.gate import decide

if TYPE_CHECKING:
    from itil_gate.model.decision import Contribution, Decision

TERMS = """\
  unreviewable:
    lines: 40
    lineLength: 500
    exempt: ["**/*.png"]
    level: medium
    reason: Nobody can answer for what they cannot read.
"""
ASKING = RISK + TERMS
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 9\n".format("0" * 64)


def asked(world: World) -> None:
    """Let the target ask whether a change can be reviewed."""
    world.on_main({"policies/risk.yaml": ASKING})


def unread(decision: Decision) -> Contribution | None:
    """Return what was said about what nobody can review."""
    found = [one for one in only(decision).risk.contributions if one.source == "paths:unreviewable"]
    assert len(found) < 2
    return found[0] if found else None


def refused(world: World) -> str:
    """Tell why a colleague's approval is not enough, having seen that it is not."""
    world.approve("erin")
    decision = world.check()
    found = unread(decision)
    assert found is not None
    assert only(decision).risk.level == "medium"
    assert decision.outcome == "pending"
    world.approve("bob")
    assert world.check().outcome == "allow"
    return found.reason


def lines(count: int, text: str = "x = {}\n") -> str:
    return "".join(text.format(number) for number in range(count))


@case("158")
def test_a_change_that_a_person_can_read_is_for_a_colleague(world: World) -> None:
    asked(world)
    world.propose({"src/app.py": lines(39)})  # 39 come and one goes
    world.approve("erin")
    decision = world.check()
    assert unread(decision) is None
    assert decision.outcome == "allow"


@case("158")
@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("src/app.py", lines(40), "41 lines change, more than 40"),
        ("src/codec.so", b"\x7fELF\0\1", "1 binary"),
        ("src/late.txt", b"text\n" * 2000 + b"\0\1", "1 binary"),
        ("src/cipher.txt", bytes(range(1, 32)), "1 binary"),
        ("src/min.js", "x" * 501, "1 with new lines of over 500 bytes"),
        ("src/data.csv", b"1,2\n" * 300_000, "1 larger than 1 MiB"),
        ("src/model.bin", LFS, "1 only pointing to content that is kept elsewhere"),
    ],
)
def test_what_nobody_can_read_is_for_an_owner(
    world: World, path: str, content: str | bytes, words: str
) -> None:
    asked(world)
    world.propose({path: content})
    assert words in refused(world)


@case("158")
def test_lines_are_counted_over_all_files_and_commits(world: World) -> None:
    asked(world)
    world.propose({"src/a.py": lines(30)})
    world.commit({"src/b.py": lines(30)})
    assert "60 lines change" in refused(world)


@case("158")
@pytest.mark.parametrize(
    "attribute", ["-diff", "binary", "linguist-generated", "diff=none", "-text export-ignore"]
)
@pytest.mark.parametrize("place", [".gitattributes", "src/.gitattributes", ".git/info/attributes"])
def test_no_attribute_hides_what_there_is_to_read(world: World, attribute: str, place: str) -> None:
    """Neither of the head nor of the checkout."""
    asked(world)
    said = f"*.py {attribute}\n*.so text diff\n"
    files = {"src/app.py": lines(100), "src/codec.so": b"\0\1"}
    if place.startswith(".git/"):
        (world.repo.git_dir / "info").mkdir(exist_ok=True)
        (world.repo.git_dir / "info/attributes").write_text(said)
        world.propose(files)
    else:
        world.propose({**files, place: said}, scope='"**"')
    found = unread(world.check())
    assert found is not None
    assert "lines change" in found.reason
    assert "1 binary" in found.reason
    assert "src/codec.so" in found.paths


@case("158")
def test_no_attribute_makes_a_text_unreadable(world: World) -> None:
    """Else whoever keeps to small texts is asked for more than they have to give."""
    asked(world)
    world.propose({"src/app.py": "print('new')\n"})
    (world.repo.git_dir / "info").mkdir(exist_ok=True)
    (world.repo.git_dir / "info/attributes").write_text("* binary\n")
    assert unread(world.check()) is None


@case("158")
def test_the_head_cannot_state_terms_of_its_own(world: World) -> None:
    """It is judged by the terms of the target and by its own."""
    asked(world)
    own = ASKING.replace("lines: 40", "lines: 4000").replace('"**/*.png"', '"**/*.so"')
    world.propose(
        {"policies/risk.yaml": own, "src/app.py": lines(100), "src/codec.so": b"\0"},
        scope='"**"',
    )
    found = unread(world.check())
    assert found is not None
    assert "105 lines change" in found.reason
    assert "src/codec.so" in found.paths


@case("158")
def test_an_image_is_spared_and_a_program_by_its_name_is_not(world: World) -> None:
    asked(world)
    world.propose({"src/logo.png": b"\x89PNG\0"})
    assert unread(world.check()) is None
    world.repo.write("src/logo.png", b"\x89PNG\0", mode=0o755)
    world.commit({})
    found = unread(world.check())
    assert found is not None
    assert found.paths == ("src/logo.png",)


@case("158")
def test_a_text_that_moves_is_not_read_again_and_a_binary_file_is(world: World) -> None:
    asked(world)
    world.on_main({"src/old.py": lines(300), "src/test.dat": b"\0data"})
    world.propose({"src/new.py": lines(300)})
    world.repo.remove("src/old.py")
    world.commit({})
    assert unread(world.check()) is None
    world.repo.remove("src/test.dat")
    world.commit({"src/plugin.so": b"\0data"})
    found = unread(world.check())
    assert found is not None
    assert found.paths == ("src/plugin.so",)


@case("158")
def test_the_request_itself_is_about_the_change_and_no_part_of_it(world: World) -> None:
    asked(world)
    world.propose(extra=f"  expectedOutcome: |\n{lines(60, '    line {}' + chr(10))}")
    assert unread(world.check()) is None


@case("158")
def test_what_cannot_be_counted_here_counts_as_what_nobody_can_read(world: World) -> None:
    """A clone without contents decides, and never that there is nothing to read."""
    asked(world)
    world.propose({"src/app.py": "print('new')\n"})
    blob = world.repo.tip("feature:src/app.py")
    (world.repo.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    decision = world.check()
    found = unread(decision)
    assert found is not None
    assert "not known" in found.reason
    assert decision.outcome == "pending"


@case("158")
def test_the_decision_is_the_same_when_made_again_from_what_was_sealed(world: World) -> None:
    asked(world)
    world.propose({"src/app.py": lines(50), "src/codec.so": b"\0"})
    inputs = world.inputs()
    again = type(inputs).model_validate_json(inputs.model_dump_json())
    assert decide(again) == decide(inputs)


def test_nothing_is_measured_where_the_target_does_not_ask(world: World) -> None:
    world.propose({"src/codec.so": b"\0"})
    assert world.inputs().facts.contents is None
    assert unread(world.check()) is None
