"""What the documents show is run: every `console` block, in order, one directory a page.

A line that starts with `$ ` is a command; the lines under it are what it prints. Each shown line
must occur in the real output, in that order; `…` in a line stands for any text, alone on a line
for any lines. A block whose info string carries `exit=N` ends with that exit code, any other with
0. One with `needs=PROGRAM` is run only by the test marked `peer`, which has that program. A here
document belongs to its command. Links between the pages must lead somewhere, and every page must be
reachable from the README.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.peers import PROGRAMS, program

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(
    sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.is_file())
)
FENCE = re.compile(r"^```console(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?P<to>[^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HERE = re.compile(r"<<'(\w+)'$")
HOUSE_COMMANDS = frozenset({"make demo", "make test", "make lint", "make bench", "bash .ci/run"})
"""Commands of the checkout itself: this test would start itself, so they are looked up instead."""


@dataclass(frozen=True)
class Step:
    """A shown command, the lines shown under it, its exit code, and whose program it is."""

    command: str
    shown: tuple[str, ...]
    exit_code: int
    needs: str = ""


def steps(page: str) -> list[Step]:
    """Read the console blocks of a page."""
    found: list[Step] = []
    for block in FENCE.finditer(page):
        expected = re.search(r"exit=(\d+)", block["info"])
        needs = re.search(r"needs=(\w+)", block["info"])
        parts = re.split(r"^\$ ", block["body"], flags=re.MULTILINE)
        assert not parts[0].strip(), f"a console block starts with `$ `, not with {parts[0]!r}"
        for part in parts[1:]:
            lines = part.splitlines()
            word = HERE.search(lines[0])
            end = next(
                i
                for i, line in enumerate(lines)
                if (line == word[1] if word else not line.endswith("\\"))
            )
            found.append(
                Step(
                    command="\n".join(lines[: end + 1]),
                    shown=tuple(line for line in lines[end + 1 :] if line.strip()),
                    exit_code=int(expected[1]) if expected and part is parts[-1] else 0,
                    needs=needs[1] if needs else "",
                )
            )
    return found


def unseen(shown: tuple[str, ...], printed: str) -> str | None:
    """Return the first shown line that was not printed after the ones before it."""
    rest = iter(printed.splitlines())
    for line in shown:
        if line == "…":
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.rstrip().split("…")))
        if not any(pattern.fullmatch(real.rstrip()) for real in rest):
            return line
    return None


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    # What every person's machine knows; nothing else of this machine's configuration is seen.
    (home / ".gitconfig").write_text("[user]\nname = A Reader\nemail = reader@example.com\n")
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


RUNNABLE = tuple(page for page in PAGES if steps(page.read_text(encoding="utf-8")))
NEEDY = {
    page: needs
    for page in RUNNABLE
    if (needs := {step.needs for step in steps(page.read_text(encoding="utf-8"))} - {""})
}
"""The pages with commands of other people's programs, and which programs those are."""


@pytest.mark.heavy
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_shown_commands_do_what_the_page_says(
    page: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    play([step for step in steps(page.read_text("utf-8")) if not step.needs], tmp_path, environment)


@pytest.mark.peer
@pytest.mark.parametrize("page", NEEDY, ids=lambda page: str(page.relative_to(ROOT)))
def test_shown_commands_of_other_programs_do_what_the_page_says(
    page: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    folders = [str(program(PROGRAMS[name]).parent) for name in sorted(NEEDY[page])]
    environment["PATH"] = os.pathsep.join([*folders, environment["PATH"]])
    play(steps(page.read_text("utf-8")), tmp_path, environment)


def play(shown: list[Step], tmp_path: Path, environment: dict[str, str]) -> None:
    """Run shown commands one after the other, and compare what they print."""
    work = tmp_path / "work"
    work.mkdir()
    where = tmp_path / "where"
    where.write_text(str(work), encoding="utf-8")
    exported = tmp_path / "exported"
    exported.touch()
    for step in shown:
        if step.command in HOUSE_COMMANDS:
            continue
        # A page is one session: the next command starts where the last one ended, and sees what
        # was exported.
        before = f". {shlex.quote(str(exported))}\n"
        after = f"pwd > {shlex.quote(str(where))}\nexport -p > {shlex.quote(str(exported))}"
        script = f"{before}{step.command}\nstatus=$?\n{after}\nexit $status"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=where.read_text(encoding="utf-8").strip(),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == step.exit_code, f"$ {step.command}\n{done.stdout}"
        assert unseen(step.shown, done.stdout) is None, f"$ {step.command}\n{done.stdout}"


def test_make_targets_shown_in_the_documents_exist() -> None:
    targets = set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    shown = {
        command
        for page in PAGES
        for command in re.findall(r"\bmake ([a-z]+)\b", "\n".join(CODE.findall(page.read_text())))
    }
    assert {"demo", "test"} <= shown
    assert shown <= targets


def test_the_readme_starts_in_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [step.command for step in steps(readme)][:2] == ["make demo", "make test"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    links = [link["to"] for link in LINK.finditer(text) if ":" not in link["to"]]
    dead = [
        link for link in links if link[0] != "#" and not (page.parent / link.split("#")[0]).exists()
    ]
    assert not dead


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        text = CODE.sub("", page.read_text(encoding="utf-8"))
        for link in LINK.finditer(text):
            target = (page.parent / link["to"].split("#")[0]).resolve()
            if target in PAGES:
                ahead.append(target)
    assert not set(PAGES) - reached


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        (("a", "b"), "a\nx\nb\n", None),
        (("b", "a"), "a\nb\n", "a"),
        (("deny …: no request",), "deny CHG-1: no request\n", None),
        (("deny …: no request",), "allow CHG-1\n", "deny …: no request"),
        (("a",), "ab\n", "a"),
    ],
)
def test_shown_output_is_compared_line_by_line(
    shown: tuple[str, ...], printed: str, missing: str | None
) -> None:
    assert unseen(shown, printed) == missing


def test_a_block_is_read_as_commands_with_output() -> None:
    page = (
        "```console exit=3\n$ one \\\n  two\nout\n\n$ three\n```\n"
        "```console exit=1 needs=opa\n$ opa <<'END'\nallow\nEND\nfine\n```\n"
    )
    assert steps(page) == [
        Step(command="one \\\n  two", shown=("out",), exit_code=0),
        Step(command="three", shown=(), exit_code=3),
        Step(command="opa <<'END'\nallow\nEND", shown=("fine",), exit_code=1, needs="opa"),
    ]
