"""The laws of the house that import contracts cannot see, read from the syntax trees of the rooms.

Each law is a predicate over one file. Beside the tests over the real rooms stands a table of small
offences, so that a law that no longer sees anything fails too.
"""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "itil_gate"
FILES = tuple(sorted(PACKAGE.rglob("*.py")))
PURE = frozenset(
    "model reading expressions risk policy decide prove signing log".split()  # noqa: SIM905
)

SCREEN = frozenset(
    {
        *("print", "input", "exit", "quit", "breakpoint", "SystemExit"),
        *("sys.exit", "sys.stdout", "sys.stderr", "sys.stdin", "sys.argv"),
        "os._exit",
    }
)
ENVIRONMENT = frozenset(
    {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.path.expandvars"}
)
CLOCK = frozenset(
    {
        *("time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime"),
        *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
        "datetime.date.today",
    }
)
PROGRAMS = frozenset(
    {
        *("subprocess", "pty", "multiprocessing", "os.system", "os.popen", "os.fork"),
        *("os.posix_spawn", "os.posix_spawnp", "os.startfile", "asyncio.create_subprocess_exec"),
        *(f"os.{call}{tail}" for call in ("exec", "spawn") for tail in ("l", "le", "lp", "lpe")),
        *(f"os.{call}{tail}" for call in ("exec", "spawn") for tail in ("v", "ve", "vp", "vpe")),
    }
)
NETWORK = frozenset(
    {
        *("socket", "socketserver", "ssl", "http", "urllib.request", "ftplib", "smtplib"),
        *("imaplib", "poplib", "telnetlib", "xmlrpc", "asyncio", "requests", "httpx", "urllib3"),
    }
)
CODE_FROM_DATA = frozenset({"eval", "exec", "pickle", "marshal", "shelve", "ctypes", "__import__"})
CHANCE_AND_FILES = frozenset({"open", "random", "secrets", "uuid", "os", "glob", "threading"})
BOUND_BY: dict[str, Callable[[set[str]], set[str]]] = {
    "A room imports only from the rooms below it": lambda rooms: rooms,
    "Only git/ imports GitPython or starts programs": lambda rooms: rooms - {"itil_gate.git"},
    "Only forge/ opens sockets": lambda rooms: rooms - {"itil_gate.forge"},
    "Only cli/ knows the screen and the environment; pure rooms do no I/O": lambda rooms: (
        rooms & {f"itil_gate.{room}" for room in PURE}
    ),
    "Only expressions/ imports CEL": lambda rooms: rooms - {"itil_gate.expressions"},
    "Each extra has one module that imports it": lambda rooms: rooms,
}
"""Which of the rooms on disk each import contract has to name."""
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "misc"})
MOST_LINES = 500


def room_of(file: Path) -> str:
    """Name the room a file stands in; files at the top of the package are in the room ''."""
    parts = file.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """Spell a name or attribute chain with the module it comes from; None if it is a variable."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        left = dotted(node.value, names)
        return f"{left}.{node.attr}" if left else None
    return None


@cache
def syntax(source: str) -> tuple[ast.AST, ...]:
    """Return every node of a file; each law walks the same ones."""
    return tuple(ast.walk(ast.parse(source)))


@cache
def uses(source: str) -> tuple[tuple[int, str], ...]:
    """Return every module imported, and every use of one or of a builtin, in full, by its line."""
    return tuple(_uses(syntax(source)))


def _uses(nodes: tuple[ast.AST, ...]) -> Iterator[tuple[int, str]]:
    bound = {
        *(node.name for node in nodes if isinstance(node, ast.FunctionDef)),
        *(node.arg for node in nodes if isinstance(node, ast.arg)),
        *(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)),
    }
    names = {name: name for name in dir(builtins) if name not in bound}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.split(".")[0]
                names[alias.asname or root] = alias.name if alias.asname else root
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Name):
            name = dotted(node, names)
            if name:
                yield node.lineno, name


def named(forbidden: frozenset[str]) -> Callable[[str], list[str]]:
    """Make a law that forbids these names and everything below them."""

    def law(source: str) -> list[str]:
        return [
            f"line {line}: {name}"
            for line, name in uses(source)
            if any(name == word or name.startswith(f"{word}.") for word in forbidden)
        ]

    return law


def catching_everything(source: str) -> list[str]:
    """Find handlers that name no exception, or the root of all of them."""
    return [
        f"line {node.lineno}: bare except or BaseException"
        for node in syntax(source)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or "BaseException" in ast.dump(node.type))
    ]


def catching_broadly(source: str) -> list[str]:
    """Find handlers of, or suppression of, plain Exception."""
    nodes = syntax(source)
    handlers = [
        node.lineno
        for node in nodes
        if isinstance(node, ast.ExceptHandler)
        and node.type is not None
        and "id='Exception'" in ast.dump(node.type)
    ]
    suppressed = [
        node.lineno
        for node in nodes
        if isinstance(node, ast.Call)
        and "suppress" in ast.dump(node.func)
        and any("id='Exception'" in ast.dump(argument) for argument in node.args)
    ]
    return [f"line {line}: catches Exception" for line in (*handlers, *suppressed)]


def too_long(source: str) -> list[str]:
    """Find files that should be two."""
    count = source.count("\n")
    return [f"{count} lines, at most {MOST_LINES}"] if count > MOST_LINES else []


SPARED = {("network", "git/agent.py")}
"""The socket of an ssh-agent is a file of this machine, and no network."""
Law = tuple[str, "Callable[[str], list[str]]", "Callable[[str], bool]"]
LAWS: dict[str, Law] = {
    "screen": ("only cli/ prints, asks and exits", named(SCREEN), lambda room: room != "cli"),
    "environment": (
        "only cli/ reads the environment; git/ passes a cleaned copy on",
        named(ENVIRONMENT),
        lambda room: room not in {"cli", "git"},
    ),
    "clock": ("only cli/ reads the clock", named(CLOCK), lambda room: room != "cli"),
    "programs": ("only git/ starts programs", named(PROGRAMS), lambda room: room != "git"),
    "network": ("only forge/ opens sockets", named(NETWORK), lambda room: room != "forge"),
    "yaml": ("only reading/ imports yaml", named(frozenset({"yaml"})), lambda r: r != "reading"),
    "click": ("only cli/ imports click", named(frozenset({"click"})), lambda room: room != "cli"),
    "code": ("nobody makes code from data", named(CODE_FROM_DATA), lambda _: True),
    "pure": (
        "pure rooms open nothing and leave nothing to chance",
        named(CHANCE_AND_FILES),
        lambda room: room in PURE,
    ),
    "bare": ("nobody catches everything", catching_everything, lambda _: True),
    "broad": ("only cli/ catches Exception", catching_broadly, lambda room: room != "cli"),
    "long": (f"no file is longer than {MOST_LINES} lines", too_long, lambda _: True),
}


@pytest.mark.parametrize("law", LAWS)
def test_every_room_keeps_the_law(law: str) -> None:
    _, offences, binds = LAWS[law]
    found = [
        f"{file.relative_to(ROOT)}: {offence}"
        for file in FILES
        if binds(room_of(file)) and (law, str(file.relative_to(PACKAGE))) not in SPARED
        for offence in offences(file.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join([LAWS[law][0], *found])


@pytest.mark.parametrize(
    ("law", "source"),
    [
        ("screen", "print('x')"),
        ("screen", "import sys\nsys.exit(1)"),
        ("screen", "from sys import exit as leave\nleave(1)"),
        ("screen", "raise SystemExit(1)"),
        ("environment", "import os\nhome = os.environ['HOME']"),
        ("environment", "from os import getenv\ngetenv('HOME')"),
        ("environment", "import os as system\nsystem.environ"),
        ("clock", "from datetime import UTC, datetime\nnow = datetime.now(UTC)"),
        ("clock", "import datetime\nnow = datetime.datetime.now()"),
        ("clock", "import datetime as dt\nday = dt.date.today()"),
        ("clock", "from time import time\ntime()"),
        ("clock", "from datetime import datetime\nask = datetime.now"),
        ("programs", "import subprocess"),
        ("programs", "from subprocess import run"),
        ("programs", "import os\nos.system('true')"),
        ("programs", "import os\nos.execvp('true', [])"),
        ("network", "import socket"),
        ("network", "from urllib.request import urlopen"),
        ("network", "from urllib import request"),
        ("network", "def ask():\n    from urllib3 import PoolManager"),
        ("yaml", "import yaml"),
        ("yaml", "def f():\n    from yaml import safe_load"),
        ("click", "import click"),
        ("code", "eval('1')"),
        ("code", "import pickle"),
        ("pure", "open('file')"),
        ("pure", "def f():\n    import secrets"),
        ("bare", "try:\n    pass\nexcept:\n    pass"),
        ("bare", "try:\n    pass\nexcept (ValueError, BaseException):\n    pass"),
        ("broad", "try:\n    pass\nexcept (ValueError, Exception):\n    pass"),
        ("broad", "import contextlib\nwith contextlib.suppress(Exception):\n    pass"),
        ("long", "\n" * (MOST_LINES + 1)),
    ],
)
def test_a_law_sees_an_offence(law: str, source: str) -> None:
    assert LAWS[law][1](source)


@pytest.mark.parametrize(
    ("law", "source"),
    [
        ("screen", "def print_table(): ...\nprinted = print_table"),
        ("clock", "def decide(now): return now.date()"),
        ("clock", "import time\ntime.monotonic()"),
        ("programs", "import os\nos.path"),
        ("network", "from urllib.parse import quote"),
        ("network", "requests = []\nrequests.append(1)"),
        ("broad", "try:\n    pass\nexcept ValueError:\n    pass"),
        ("pure", "def f(open): return open"),
    ],
)
def test_a_law_leaves_the_innocent_alone(law: str, source: str) -> None:
    assert not LAWS[law][1](source)


def test_no_module_has_a_vague_name() -> None:
    assert not [file for file in FILES if file.stem in VAGUE_NAMES]


def test_the_import_contracts_are_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_stands_in_every_contract_that_binds_it() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = {f"itil_gate.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")}
    missing = []
    for contract in contracts["tool"]["importlinter"]["contracts"]:
        listed = contract.get("layers", contract.get("source_modules"))
        bound = BOUND_BY[contract["name"]](rooms)
        absent = bound - {layer.strip("()") for layer in listed}
        missing += [f"{contract['name']}: {room}" for room in sorted(absent)]
    assert not missing


HEAVY = (
    *("pydantic", "git", "cryptography", "jsonschema", "icalendar", "yaml", "ssl", "asyncio"),
    *("cel_expr_python", "google", "rfc3161_client", "sigstore", "urllib3", "http"),
)


def test_the_command_line_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", "-c", "import itil_gate.cli"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "itil_gate" in loaded
    assert not loaded & set(HEAVY)


def test_no_module_loads_an_extra_before_it_is_asked_for() -> None:
    code = (
        "import importlib, pkgutil, sys, itil_gate\n"
        "for one in pkgutil.walk_packages(itil_gate.__path__, 'itil_gate.'):\n"
        "    if not one.name.endswith('__main__'):\n"
        "        importlib.import_module(one.name)\n"
        "print(*sorted({'sigstore', 'rfc3161_client', 'requests', 'tuf'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "\n"


IMPORTED_AS = {"gitpython": "git", "protobuf": "google", "pyyaml": "yaml"}
COME_WITH_ANOTHER = {"pydantic_core", "referencing"}
"""Halves of pydantic and of jsonschema that their own interfaces hand out."""


def test_the_declared_dependencies_are_the_imported_ones() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [line for name, lines in extras.items() if name != "dev" for line in lines]
    declared = {re.split(r"[<>=!~;\[ ]", line)[0] for line in [*project["dependencies"], *asked]}
    modules = {IMPORTED_AS.get(name, name.replace("-", "_")) for name in declared}
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for file in FILES
        for node in syntax(file.read_text(encoding="utf-8"))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    outside = {name.split(".")[0] for name in imported if name} - sys.stdlib_module_names
    assert outside - {"itil_gate"} - COME_WITH_ANOTHER == modules


def test_the_tests_import_only_what_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    declared = {"itil-gate", *(re.split(r"[<>=!~;\[ ]", line)[0].lower() for line in lines)}
    brings = packages_distributions()
    undeclared = {
        f"{file.relative_to(ROOT)}: {module}"
        for file in (*ROOT.glob("tests/**/*.py"), *ROOT.glob("bench/*.py"))
        for _, name in uses(file.read_text(encoding="utf-8"))
        if (module := name.split(".")[0]) in brings
        and module not in COME_WITH_ANOTHER
        and not {distribution.lower() for distribution in brings[module]}
        & (declared | {"itil-gate"})
    }
    assert not undeclared
