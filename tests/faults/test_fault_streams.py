"""Closed streams, no terminal, odd locales and an unknown caller change no outcome."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.faulty import plain_ending, run_measured, surroundings
from support.shell import GATE, run_gate
from support.world import CHG, request_file

if TYPE_CHECKING:
    from support.world import World

CHECK = ("check", "--base", "main", "--head", "feature")
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
LOCALES = {
    "C": ASCII,
    "POSIX": ASCII | {"LC_ALL": "POSIX"},
    "strict ASCII": ASCII | {"PYTHONIOENCODING": "ascii:strict"},
    "Latin 1": {"PYTHONIOENCODING": "latin-1:strict"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "unknown": {"LC_ALL": "xx_YY.whatever", "LANGUAGE": "de:fr"},
    "UTF-16": {"PYTHONIOENCODING": "utf-16"},
}


def _closed(world: World, words: tuple[str, ...], redirected: str) -> tuple[int, str]:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" "$@" {redirected}', GATE, *words],
        cwd=world.repo.path,
        env=surroundings(world.repo.path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("redirected", "code"),
    [
        ("<&-", 3),
        ("2>&-", 3),
        ("<&- 2>&-", 3),
        (">&-", 2),
        (">&- 2>&-", 2),
        ("<&- >&- 2>&-", 2),
        (">/dev/full 2>&-", 2),
    ],
)
def test_a_closed_stream_is_never_a_refusal(world: World, redirected: str, code: int) -> None:
    found, said = _closed(world, CHECK, redirected)
    assert found == code
    plain_ending(said)


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-", ">&- 2>/dev/full"])
def test_an_error_that_cannot_be_told_is_still_an_error(world: World, redirected: str) -> None:
    assert _closed(world, ("check", "--base", "no-such-branch"), redirected)[0] == 2
    assert _closed(world, ("check", "--no-such-option"), redirected)[0] == 2


def test_what_git_reads_and_writes_is_not_mixed_up_with_closed_streams(world: World) -> None:
    stored = world.repo.path / "stored.json"
    found, _ = _closed(world, (*CHECK, "--output", str(stored)), "<&- >&- 2>&-")
    assert found == 2
    json.loads(stored.read_bytes())


@pytest.mark.parametrize("closed", ["<&-", "</dev/null"])
def test_nobody_at_the_keyboard_signs_nothing(world: World, closed: str) -> None:
    head, key = world.repo.tip("feature"), str(world.keyring.bob.key)
    words = ("approve", CHG, "--base", "main", "--head", head, "--key", key)
    found, said = _closed(world, words, closed)
    assert found == 2
    assert "not-confirmed" in said
    assert not (world.repo.git_dir / "refs/heads/itil-gate-approvals").exists()


@pytest.mark.heavy
def test_a_result_is_the_same_bytes_in_every_locale(world: World) -> None:
    world.repo.checkout("feature")
    world.commit(
        {
            f"changes/2026/{CHG}.yaml": request_file(title="Ändern İıŞğ 変更", scope='"src/**"'),
            "src/İı.py": "1\n",
            b"src/\xff\xfe.bin".decode("utf-8", "surrogateescape"): "2\n",
        },
        message="Größe ändern",
    )
    for form in ("text", "json"):
        usual = _output(world, (*CHECK, "--format", form), {"LC_ALL": "C.UTF-8"})
        assert usual[0] == 3
        assert "変更".encode() in usual[1]
        for locale in LOCALES if form == "text" else ("C",):
            found = _output(world, (*CHECK, "--format", form), LOCALES[locale])
            assert found[0] == 3, (locale, found[2])
            assert _undated(found[1]) == _undated(usual[1]), locale


@pytest.mark.heavy
def test_a_branch_in_letters_beyond_ascii_is_found_or_not_decided(world: World) -> None:
    world.repo.git("branch", "grün", "feature")
    for locale, names in LOCALES.items():
        ran = _output(world, ("check", "--base", "main", "--head", "grün"), names)
        assert ran[0] in (2, 3), locale
        assert b"Traceback" not in ran[2]
    assert _output(world, ("check", "--base", "main", "--head", "grün"), {})[0] == 3


def _output(
    world: World, words: tuple[str, ...], names: dict[str, str]
) -> tuple[int, bytes, bytes]:
    env = {
        name: value
        for name, value in surroundings(world.repo.path).items()
        if not name.startswith(("LC_", "LANG", "PYTHONUTF8", "PYTHONIO"))
    }
    done = subprocess.run(
        [GATE, *words],
        cwd=world.repo.path,
        env=env | {name: value for name, value in names.items() if value},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def _undated(said: bytes) -> list[bytes]:
    clock = (b"UTC", b'"now"', b"Judged", b"judged")
    return [line for line in said.splitlines() if not any(word in line for word in clock)]


def test_authors_and_messages_in_no_encoding_are_read(world: World) -> None:
    world.repo.checkout("feature")
    tree, parent = world.repo.tree("feature"), world.repo.tip("feature")
    raw = (
        f"tree {tree}\nparent {parent}\n".encode()
        + b"author J\xf6rg \xff <j\xf6rg@example.com> 1767603600 +0000\n"
        + b"committer \xc3\x28 <> 99999999999999999999 +9999\nencoding x-no-such\n\n\xff\xfe\x00\n"
    )
    world.repo.branch("feature", world.repo.raw_object("commit", raw))
    for form in ("text", "json", "sarif", "junit", "markdown", "github"):
        ran = run_gate(
            "check", "--base", "main", "--head", "feature", "--format", form, cwd=world.repo.path
        )
        assert ran.code == 1, ran.err
        assert "unattributable-commit" in ran.out
        plain_ending(ran.err)


def test_a_repository_in_a_folder_of_any_bytes_is_judged(world: World) -> None:
    odd = os.fsencode(world.repo.path.parent) + b'/o\xff\xfe "\n:dd'
    shutil.move(os.fsencode(world.repo.path), odd)
    for names in ({}, ASCII):
        done = subprocess.run(
            [GATE, *CHECK],
            cwd=odd,
            env=surroundings(world.repo.path.parent) | names,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 3, done.stderr


@pytest.mark.parametrize("names", [{"TERM": "dumb"}, {"TERM": ""}, {"COLUMNS": "1"}])
def test_no_terminal_is_needed_to_read_a_result(world: World, names: dict[str, str]) -> None:
    ran = run_gate(*CHECK, cwd=world.repo.path, env=names | {"NO_COLOR": ""})
    assert ran.code == 3
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_a_terminal_that_knows_no_colours_gets_none(world: World, term: str) -> None:
    script = shutil.which("script")
    if script is None:
        pytest.skip("script(1) is not here")
    done = subprocess.run(
        [script, "-qec", f"{GATE} {' '.join(CHECK)}", "/dev/null"],
        cwd=world.repo.path,
        env=surroundings(world.repo.path) | {"TERM": term, "NO_COLOR": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert (b"\x1b[" in done.stdout) == (term != "dumb")


def test_a_caller_without_a_home_is_judged_and_told_to_name_a_key(world: World) -> None:
    head = world.repo.tip("feature")
    words = ("approve", CHG, "--base", "main", "--head", head, "--yes")
    for home in ("/no/such/home", "", "relative", "/dev/null"):
        ran = run_gate(*CHECK, cwd=world.repo.path, env={"HOME": home})
        assert ran.code == 3
        ran = run_gate(*words, cwd=world.repo.path, env={"HOME": home})
        assert ran.code == 2
        assert "no-key" in ran.err, ran.err


OPEN = "/tmp"  # noqa: S108 - where everybody may go, unlike below our own directories


@pytest.mark.heavy
def test_a_caller_whom_the_machine_does_not_know_is_no_fault_of_ours(world: World) -> None:
    known = shutil.which("setpriv")
    if known is None or os.geteuid() != 0:
        pytest.skip("only root can be somebody else, with setpriv(1)")
    unknown = (
        *(known, "--reuid=54321", "--clear-groups"),
        *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
        *("env", "-u", "HOME", f"TMPDIR={OPEN}"),
    )
    words = ("approve", CHG, "--base", "main", "--head", world.repo.tip("feature"), "--yes")
    with tempfile.TemporaryDirectory(dir=OPEN) as name:
        Path(name).chmod(0o755)
        path = Path(name) / "repo"
        shutil.copytree(world.repo.path, path)
        assert run_measured(*CHECK, cwd=path, before=unknown).code == 3
        ran = run_measured(*words, cwd=path, before=unknown)
        assert ran.code == 2
        assert "no-key" in ran.err, ran.err
        ran = run_measured(*words, "--key", "~/key", cwd=path, before=unknown)
        assert ran.code == 2
        assert "key-unreadable" in ran.err, ran.err
        plain_ending(ran.err)
