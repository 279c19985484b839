"""What was found by trying real tools: content that looks the same, and repositories that lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.world import APPROVALS, CHG, OTHER, broken, entry, findings, only

from itil_gate.git.discover import discover
from itil_gate.git.refs import append_file
from itil_gate.model.errors import GateError
from itil_gate.model.statement import APPROVALS_BRANCH

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

REQUEST = f"changes/2026/{CHG}.yaml"


def stages(**replicas: str) -> str:
    """Return two blocks that differ in their name only, but for the replicas that are given."""
    return "".join(
        f"{name}:\n{filling}  replicas: {replicas.get(name, '2')}\n{filling}"
        for name in ("staging", "production")
        for filling in ("".join(f"  line{number}: x\n" for number in range(4)),)
    )


def patch_id(world: World, head: str, *options: str) -> str:
    """Return what `git patch-id` says about the changes of src/ from main to a commit."""
    patch = world.repo.raw("diff", "main", head, "--", "src")
    return world.repo.git("patch-id", *options, stdin=patch).split(" ")[0]


def approvals_file(world: World, path: str, data: bytes) -> None:
    """Put any bytes on the approvals branch, as somebody who may write there."""
    append_file(
        discover(world.repo.path),
        APPROVALS_BRANCH,
        path,
        data,
        message="add",
        identity=("Mallory", "mallory@example.com"),
        when=world.now,
    )


@case("301")
def test_an_approval_does_not_hold_for_another_indentation(world: World) -> None:
    world.commit({"src/app.py": "if armed:\n    wait()\n"}, by="carol")
    world.propose({"src/app.py": "if armed:\n    wait()\n    launch()\n"})
    world.approve("bob")
    before = patch_id(world, "feature", "--stable")
    world.commit({"src/app.py": "if armed:\n    wait()\nlaunch()\n"})
    assert patch_id(world, "feature", "--stable") == before
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "bob").code == "stale"
    assert "src/app.py changed after approval" in entry(decision, "bob").detail


@case("302")
def test_an_approval_does_not_hold_for_the_same_hunk_elsewhere(world: World) -> None:
    world.commit({"src/stages.yaml": stages()}, by="carol")
    world.propose({"src/stages.yaml": stages(staging="5")})
    world.approve("bob")
    before = patch_id(world, "feature", "--verbatim")
    world.commit({"src/stages.yaml": stages(production="5")})
    assert patch_id(world, "feature", "--verbatim") == before
    decision = world.check()
    assert decision.outcome == "pending"
    assert entry(decision, "bob").code == "stale"


@case("304")
@pytest.mark.parametrize("place", ["untracked", "head", "info", "driver", "home"])
def test_attributes_do_not_turn_a_conflict_clean(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    lines = world.repo.path.joinpath("src/lib.py").read_text()
    world.propose({"src/lib.py": lines.replace("line 3\n", "ours\n")}, scope='"**"')
    world.on_main({"src/lib.py": lines.replace("line 3\n", "theirs\n")})
    rule = "*.py merge=union\n" if place != "driver" else "*.py merge=mine\n"
    if place == "head":
        world.commit({".gitattributes": rule})
    elif place == "untracked":
        world.repo.write(".gitattributes", rule)
    elif place == "home":
        (tmp_path / "git").mkdir()
        (tmp_path / "git/attributes").write_text(rule)
        (tmp_path / ".config").symlink_to(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    else:
        world.repo.write(".git/info/attributes", rule)
        world.repo.git("config", "merge.mine.driver", "true")
    # With the attributes in force git itself sees no conflict.
    trial = ("merge-tree", "--write-tree", "main", "feature")
    assert place == "head" or world.repo.git(*trial)
    decision = world.check()
    assert decision.outcome == "deny"
    (found,) = findings(decision, "merge-conflict")
    assert "src/lib.py" in found.message


@case("305")
@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_a_replaced_policy_is_read_as_it_was(world: World, *, packed: bool) -> None:
    forged = APPROVALS.replace("role: service-owner, of: footprint, min: 1", "role: peer, min: 1")
    assert forged != APPROVALS
    original = world.repo.tip("main:policies/approvals.yaml")
    blob = world.repo.raw_object("blob", forged.encode())
    world.repo.git("replace", original, blob)
    if packed:
        world.repo.git("pack-refs", "--all")
    assert world.repo.raw("cat-file", "blob", original).decode() == forged
    world.propose({"deploy/app.yaml": "replicas: 4\n"})
    world.approve("erin")
    decision = world.check()
    assert decision.outcome == "pending"
    assert only(decision).requirements[0].role == "service-owner"


@case("305")
@pytest.mark.parametrize("how", ["replace", "graft"])
def test_a_replaced_commit_hides_nobody(world: World, how: str) -> None:
    world.propose()
    hidden = world.commit({"src/lib.py": "bob's\n"}, by="bob")
    head = world.commit({"src/lib.py": "alice's\n"})
    if how == "replace":
        world.repo.git("replace", "--graft", head, f"{hidden}^")
    else:
        grafts = f"{head} {world.repo.tip(f'{hidden}^')}\n"
        world.repo.write(".git/info/grafts", grafts)
    told = world.repo.git("rev-list", "main..feature").split()
    assert hidden not in told
    world.approve("bob")
    assert entry(world.check(), "bob").code == "contributor"


@case("309")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00\n",
        b"{}\n",
        b'{"_type":"https://in-toto.io/Statement/v1"}\n-----BEGIN SSH SIGNATURE-----\n',
        b"[" * 100_000 + b"\n",
        b"x" * 400_000,
    ],
    ids=["empty", "binary", "no statement", "half", "deep", "large"],
)
def test_a_malformed_file_is_listed_for_its_change_and_blocks_nobody(
    world: World, data: bytes
) -> None:
    world.propose()
    world.approve("bob")
    approvals_file(world, f"{CHG}/junk.stmt", data)
    approvals_file(world, f"{OTHER}/junk.stmt", data)
    approvals_file(world, "junk", data)
    decision = world.check()
    assert decision.outcome == "allow"
    assert sorted(one.code for one in only(decision).ledger) == ["approved", "malformed"]


@case("309")
def test_junk_among_the_vouches_blocks_nobody(world: World) -> None:
    head = world.propose()
    world.approve("bob")
    approvals_file(world, "vouch/small.stmt", head.encode())
    approvals_file(world, "vouch/large.stmt", head.encode() + bytes(51 * 1024 * 1024))
    assert world.check().outcome == "allow"


@case("309")
def test_links_and_submodules_among_the_statements_block_nobody(world: World) -> None:
    head = world.propose()
    world.approve("bob")
    blob = world.repo.raw_object("blob", b"/etc/passwd")
    world.repo.checkout("itil-gate-approvals")
    for mode, oid, name in (("120000", blob, "link"), ("160000", head, "module")):
        for folder in (CHG, "vouch"):
            world.repo.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{folder}/{name}")
    tree = world.repo.git("write-tree")
    tip = world.repo.commit_tree(tree, world.repo.tip())
    world.repo.git("reset", "--quiet", "--hard", tip)
    world.repo.checkout("feature")
    decision = world.check()
    assert decision.outcome == "allow"
    codes = sorted(one.code for one in only(decision).ledger)
    assert codes == ["approved", "malformed", "malformed"]


@case("312")
@pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 20_000, "- " * 50_000])
def test_a_request_nested_without_end_is_a_located_finding(world: World, text: str) -> None:
    world.propose({REQUEST: text, "src/app.py": "1\n"})
    decision = world.check()
    assert decision.outcome == "deny"
    found = [one for one in findings(decision, "too-deep") if one.place is not None]
    assert [one.place.file for one in found if one.place] == [REQUEST]


@case("312")
def test_policies_nested_without_end_do_not_load(world: World) -> None:
    world.propose({"policies/deep.yaml": "[" * 50_000}, scope='"**"')
    decision = world.check()
    assert broken(decision) >= {"proposed-policy-invalid"}
    world.on_main({"policies/deep.yaml": "[" * 50_000})
    assert world.refusal() == "invalid-policy-set"


@case("314")
def test_a_branch_named_after_the_gate_does_not_matter(world: World) -> None:
    for name in ("itil-gate", "approvals", "itil-gate-log/x"):
        world.repo.branch(name, "main")
    world.propose()
    world.approve("bob")
    assert world.check().outcome == "allow"


@case("314")
def test_a_branch_in_the_way_of_the_approvals_is_named(world: World) -> None:
    world.propose()
    world.repo.branch("itil-gate-approvals/x", "main")
    assert world.check().outcome == "pending"
    with pytest.raises(GateError) as refused:
        world.approve("bob")
    assert refused.value.code == "ref-refused"
    assert "itil-gate-approvals" in refused.value.message


@case("314")
@pytest.mark.parametrize("kind", ["tags", "remotes/origin", "notes"])
def test_other_refs_of_the_same_name_are_not_the_approvals(world: World, kind: str) -> None:
    """Only the branch and its fetched copies are read; a statement counts by its signature."""
    world.propose()
    world.approve("bob")
    tip = world.repo.tip("refs/heads/itil-gate-approvals")
    world.repo.git("update-ref", "-d", "refs/heads/itil-gate-approvals")
    world.repo.git("update-ref", f"refs/{kind}/itil-gate-approvals", tip)
    read = kind == "remotes/origin"
    assert world.check().outcome == ("allow" if read else "pending")
