"""In a pre-receive hook, the commits being pushed are seen before they are accepted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from support.repository import BOB, Repo

if TYPE_CHECKING:
    from pathlib import Path

HOOK = """#!{python}
import os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from itil_gate.git.diff import raw_diff
from itil_gate.git.discover import discover
from itil_gate.git.history import commits_between
from itil_gate.git.merge import merge_tree
from itil_gate.git.run import QUARANTINE
from itil_gate.git.view import open_view

old, new, ref = sys.stdin.readline().split()
named = {{name: os.environ[name] for name in QUARANTINE if name in os.environ}}
with open_view(discover(Path.cwd()), quarantine=named if {named} else None) as view:
    people = [commit.author.email for commit in commits_between(view, old, new)]
    paths = [entry.path for entry in raw_diff(view, old, new)]
    merged = merge_tree(view, old, new).tree
Path({said!r}).write_text(f"{{ref}} {{people}} {{paths}} {{merged}}")
sys.exit(1 if "evil" in paths else 0)
"""


def _hub(tmp_path: Path, *, named: bool) -> tuple[Repo, Repo]:
    from itil_gate import git  # noqa: PLC0415

    hub = Repo(tmp_path / "hüb.git", bare=True)
    clone = Repo(tmp_path / "clone")
    clone.commit(files={"code": "x"})
    clone.git("push", "--quiet", str(hub.path), "main")
    root = str(git.__file__).removesuffix("/itil_gate/git/__init__.py")
    said = str(tmp_path / "said")
    (hub.path / "hooks").mkdir()
    hook = hub.path / "hooks" / "pre-receive"
    hook.write_text(HOOK.format(python=sys.executable, root=root, said=said, named=named))
    hook.chmod(0o755)
    return hub, clone


@pytest.mark.parametrize("path", ["good", "evil"])
def test_the_hook_judges_what_is_in_quarantine(tmp_path: Path, path: str) -> None:
    hub, clone = _hub(tmp_path, named=True)
    before = hub.tip("main")
    head = clone.commit(author=BOB, files={path: "y"})
    clone.git("push", "--quiet", str(hub.path), "main", ok=(0, 1))
    said = (tmp_path / "said").read_text()
    assert said == f"refs/heads/main ['{BOB[1]}'] ['{path}'] {clone.tree()}"
    assert hub.tip("main") == (head if path == "good" else before)


def test_without_the_quarantine_the_hook_cannot_decide(tmp_path: Path) -> None:
    hub, clone = _hub(tmp_path, named=False)
    before = hub.tip("main")
    clone.commit(author=BOB, files={"good": "y"})
    clone.git("push", "--quiet", str(hub.path), "main", ok=(1,))
    assert not (tmp_path / "said").exists()
    assert hub.tip("main") == before
