"""Repositories far too large are judged in bounded time and memory, or refused in so many words."""

from __future__ import annotations

import base64
import hashlib
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from support.faulty import Measured, plain_ending, run_measured
from support.repository import isolated
from support.world import CHG, RISK, request_file

from itil_gate.signing.statement import compose, namespace_of, path_of, signed_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from support.world import World

pytestmark = pytest.mark.heavy

CHECK = ("check", "--base", "main", "--head", "feature")
REQUEST = f"changes/2026/{CHG}.yaml"
MOST_MIB = 1024
BIG = 100_000_000


def _judge(world: World, *, seconds: float, mebibytes: int = MOST_MIB) -> Measured:
    ran = run_measured(*CHECK, cwd=world.repo.path, timeout=3 * seconds)
    plain_ending(ran.err)
    assert ran.mebibytes < mebibytes
    assert ran.seconds < seconds
    return ran


def _on(branch: str, lines: Iterable[bytes], *, who: str = "", new: bool = False) -> bytes:
    """Return a commit for `git fast-import`, of these lines, on a branch that is there."""
    person = who or "Alice Adler <alice@example.com>"
    start = f"from refs/heads/{branch}^0\n" if new else ""
    head = f"commit refs/heads/{branch}\ncommitter {person} 1767700000 +0000\ndata 1\nx\n{start}"
    return head.encode() + b"".join(lines)


def _file(path: str, text: str) -> bytes:
    data = text.encode()
    return b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data)


def _many_files(count: int) -> bytes:
    blob = b"blob\nmark :1\ndata 1\nx\n"
    files = (b"M 100644 :1 src/d%d/f%d\n" % (i % 500, i) for i in range(count))
    return blob + _on("feature", files, new=True)


def test_a_hundred_thousand_files_are_judged(world: World) -> None:
    world.repo.fast_import(_many_files(100_000))
    ran = _judge(world, seconds=60, mebibytes=600)
    assert ran.code == 3


def test_a_hundred_thousand_files_are_merged_and_an_approval_of_them_is_carried_over(
    world: World,
) -> None:
    world.repo.fast_import(_many_files(100_000))
    for who in ("bob", "dave"):  # two, since nobody signed the commit of all these files
        world.approve(who)
    world.repo.git("symbolic-ref", "HEAD", "refs/heads/main")
    world.repo.git("reset", "--quiet", "--hard", "main")
    world.commit({"docs/index.md": "# Other\n"}, by="carol")
    ran = _judge(world, seconds=90, mebibytes=700)
    assert ran.code == 0, ran.err


def test_more_paths_than_anybody_judges_are_refused(world: World) -> None:
    world.repo.fast_import(_many_files(500_001))
    ran = _judge(world, seconds=60)
    assert ran.code == 2
    assert "diff-too-large" in ran.err


@pytest.mark.parametrize("folder", ["src", "changes", "policies", "docs"])
def test_a_tree_that_lists_more_than_the_world_holds_is_not_judged(
    world: World, folder: str
) -> None:
    repo = world.repo
    below = repo.git("rev-parse", "main:src/app.py")
    entries = "".join(f"100644 blob {below}\tf{i}.yaml\n" for i in range(10))
    for _ in range(12):
        tree = repo.git("mktree", stdin=entries.encode())
        entries = "".join(f"040000 tree {tree}\td{i}\n" for i in range(10))
    root = repo.git("ls-tree", "feature").splitlines()
    root = [line for line in root if not line.endswith(f"\t{folder}")]
    new = repo.git("mktree", stdin="\n".join([*root, f"040000 tree {tree}\t{folder}"]).encode())
    repo.branch("feature", repo.commit_tree(new, repo.tip("feature")))
    ran = _judge(world, seconds=60, mebibytes=2200)
    assert ran.code == 2, ran.out
    assert "git-endless" in ran.err or "too-large" in ran.err or "ut of memory" in ran.err, ran.err


@pytest.mark.parametrize("merged", [False, True])
def test_a_blob_of_a_gibibyte_is_not_read(world: World, *, merged: bool) -> None:
    feeding = subprocess.Popen(
        ["git", "-c", "core.compression=1", "fast-import", "--quiet"],
        cwd=world.repo.path,
        stdin=subprocess.PIPE,
        env=isolated(),
    )
    assert feeding.stdin is not None
    feeding.stdin.write(_on("feature", [b"M 100644 inline src/big.bin\n"], new=True))
    feeding.stdin.write(b"data %d\n" % (1 << 30))
    for _ in range(1 << 10):
        feeding.stdin.write(bytes(1 << 20))
    feeding.stdin.close()
    assert feeding.wait(timeout=120) == 0
    if merged:
        world.repo.git("symbolic-ref", "HEAD", "refs/heads/main")
        world.commit({"docs/index.md": "# Other\n"}, by="carol")
    ran = _judge(world, seconds=10, mebibytes=200)
    assert ran.code == 3


@pytest.mark.parametrize(
    ("branch", "path", "code", "said"),
    [
        ("feature", REQUEST, 1, "too large"),
        ("feature", "policies/approvals.yaml", 1, "proposed-policy-invalid"),
        ("feature", "people.yaml", 1, "proposed-policy-invalid"),
        ("main", "policies/approvals.yaml", 2, "too-many-texts"),
        ("main", "itil-gate.yaml", 2, "object-too-large"),
    ],
)
def test_a_text_of_a_hundred_megabytes_is_refused_unread(
    world: World, branch: str, path: str, code: int, said: str
) -> None:
    world.repo.fast_import(_on(branch, [_file(path, "#" * BIG)], new=True))
    ran = _judge(world, seconds=20, mebibytes=300)
    assert ran.code == code, ran.err
    assert said in ran.out + ran.err


@pytest.mark.parametrize(("branch", "code"), [("feature", 1), ("main", 2)])
def test_many_texts_of_a_mebibyte_are_refused_unread(world: World, branch: str, code: int) -> None:
    texts = (_file(f"policies/p{i}.yaml", f"#{i}\n" + "#" * 1_000_000) for i in range(100))
    world.repo.fast_import(_on(branch, texts, new=True))
    ran = _judge(world, seconds=20, mebibytes=300)
    assert ran.code == code, ran.out + ran.err
    assert "judge's data are" in ran.out + ran.err


def test_ten_thousand_contributors_are_all_named(world: World) -> None:
    first = _on("feature", [_file("src/app.py", "0\n")], new=True)
    rest = (
        _on("feature", [_file("src/app.py", f"{i}\n")], who=f"P{i} <p{i}@example.com>")
        for i in range(10_000)
    )
    world.repo.fast_import(first + b"".join(rest))
    ran = _judge(world, seconds=60, mebibytes=400)
    assert ran.code == 1
    assert "p9999@example.com" in ran.out


def _signer(world: World, name: str) -> Callable[[bytes, str], str]:
    """Return a signer as quick as no ssh-keygen is (PROTOCOL.sshsig)."""
    person = getattr(world.keyring, name)
    key = load_ssh_private_key(person.key.read_bytes(), None)
    public = base64.b64decode(person.public.split()[1])

    def text(data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + data

    def sign(data: bytes, namespace: str) -> str:
        head = text(namespace.encode()) + text(b"") + text(b"sha512")
        signed = key.sign(b"SSHSIG" + head + text(hashlib.sha512(data).digest()))  # type: ignore[union-attr,call-arg]
        signature = text(text(b"ssh-ed25519") + text(signed))
        blob = b"SSHSIG" + struct.pack(">I", 1) + text(public) + head + signature
        armour = base64.encodebytes(blob).decode()
        return f"-----BEGIN SSH SIGNATURE-----\n{armour}-----END SSH SIGNATURE-----\n"

    return sign


def test_ten_thousand_approvals_are_read_and_one_counts(world: World) -> None:
    from itil_gate.signing.statement import read_statement  # noqa: PLC0415

    filed = world.state("approve", "bob")
    fact = read_statement(filed.path, filed.data)
    assert fact.approval is not None
    from itil_gate.signing.statement import approval_statement  # noqa: PLC0415

    sign, files = _signer(world, "bob"), []
    for number in range(10_000):
        statement = approval_statement(
            fact.approval.model_copy(update={"reason": f"number {number}"})
        )
        data = compose(statement, sign(signed_bytes(statement), namespace_of(statement)))
        files.append(_file(path_of(statement), data.decode()))
    world.repo.fast_import(_on("itil-gate-approvals", files))
    ran = _judge(world, seconds=90)
    assert ran.code == 0, ran.out[:2000]
    assert "review: 1 of 1" in ran.out


@pytest.mark.parametrize(
    ("count", "code", "seconds"), [(500, 3, 60), (1_001, 1, 20), (10_000, 1, 30)]
)
def test_requests_by_the_thousand_are_judged_or_refused(
    world: World, count: int, code: int, seconds: int
) -> None:
    names = [f"CHG-2026-{i:08d}" for i in range(count - 1)]
    texts = (_file(f"changes/2026/{name}.yaml", request_file(name)) for name in names)
    world.repo.fast_import(_on("feature", texts, new=True))
    ran = _judge(world, seconds=seconds, mebibytes=400)
    assert ran.code == code, ran.out[:2000]
    assert code == 3 or "judged together" in ran.out


@pytest.mark.parametrize("path", ["src/" + "d/" * 5_000 + "f", "src/" + "x" * 4_000])
def test_a_path_longer_than_any_disk_takes_is_judged(world: World, path: str) -> None:
    world.repo.fast_import(_on("feature", [_file(path, "x")], new=True))
    ran = _judge(world, seconds=20, mebibytes=300)
    # Git from 2.46 on goes no deeper than some thousand folders.
    assert ran.code == 3 or (ran.code == 2 and "depth" in ran.err), ran.err


def test_five_thousand_rules_are_obeyed(world: World) -> None:
    floor = "    - {{id: f{0}, paths: ['a{0}/**'], level: medium, reason: r}}\n"
    policies = {
        f"policies/risk{part}.yaml": RISK.replace("name: paths", f"name: paths{part}")
        + "".join(floor.format(part * 1000 + i) for i in range(1000))
        for part in range(5)
    }
    world.on_main(policies)
    world.repo.checkout("feature")
    world.commit({"a4999/x": "1\n", REQUEST: request_file(scope='"src/**", "a4999/**"')})
    ran = _judge(world, seconds=60, mebibytes=400)
    assert ran.code in (1, 3), ran.err
    assert "f4999" in ran.out
