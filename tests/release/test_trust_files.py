"""Files of roots that the configuration names: they judge, so they are guarded as what judges."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.keyless import keyless
from support.shell import run_gate

from itil_gate.gather.sources import read_judge
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import ConfigError
from itil_gate.model.policy import Source
from itil_gate.policy.compile import compile_policies, read_config
from itil_gate.policy.places import is_judge_path, trust_files
from itil_gate.policy.trust import trust_findings

if TYPE_CHECKING:
    from support.world import World

ROOT = json.dumps({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"})
CERTIFICATES = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
FILES = {"security/root.json": ROOT, "security/tsa.pem": CERTIFICATES}
LOG = "log: {keys: [{use: recorder, key: none}], timestampRoots: security/tsa.pem}\n"
NAMED = LOG + keyless("security/root.json")


def named(world: World) -> str:
    """Return the configuration of the world with both files named."""
    return world.repo.git("show", f"main:{CONFIG_PATH}") + "\n" + NAMED


def compiled(world: World, files: dict[str, str]) -> str:
    """Return the digest of the set at a commit with these files."""
    world.on_main({CONFIG_PATH: named(world), **files})
    with open_view(discover(world.repo.path)) as view:
        return compile_policies(read_judge(view, world.repo.tip("main"))).digest


def test_both_files_are_the_judges_data() -> None:
    text = f"apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a/b\n{NAMED}"
    config = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})
    assert trust_files(config) == ("security/root.json", "security/tsa.pem")
    assert all(is_judge_path(config, path) for path in FILES)
    assert not is_judge_path(config, "security/other.pem")


def test_a_root_is_part_of_what_the_policy_digest_names(world: World) -> None:
    first = compiled(world, FILES)
    changed = {**FILES, "security/root.json": ROOT.replace("0.1", "0.2")}
    world.on_main(changed)
    with open_view(discover(world.repo.path)) as view:
        second = compile_policies(read_judge(view, world.repo.tip("main"))).digest
    assert first != second


@pytest.mark.parametrize("absent", sorted(FILES))
def test_a_root_that_is_named_has_to_be_there(world: World, absent: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(world, {path: text for path, text in FILES.items() if path != absent})
    (finding,) = caught.value.findings
    assert (finding.rule, finding.place.file if finding.place else "") == ("missing-file", absent)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ROOT, ""),
        (CERTIFICATES, ""),
        ("", "neither"),
        ("{}", "neither"),
        ("[]", "neither"),
        (f"{ROOT}\n{ROOT}", "neither"),
        ("[" * 100_000, "neither"),
        ("-----BEGIN PUBLIC KEY-----\n", "neither"),
        (CERTIFICATES + "-----BEGIN EC PRIVATE KEY-----\n", "a private key"),
    ],
)
def test_what_is_no_root_is_told(text: str, said: str) -> None:
    found = trust_findings(text, file="security/root.json")
    assert [one.rule for one in found] == (["bad-roots"] if said else [])
    assert all(said in one.message for one in found)


def test_lint_looks_at_the_files_of_the_work_tree(world: World) -> None:
    config = named(world)
    world.repo.checkout("main")
    world.repo.write(CONFIG_PATH, config)
    for path, text in FILES.items():
        world.repo.write(path, text)
    assert "security/" not in run_gate("lint", cwd=world.repo.path).out
    world.repo.write("security/root.json", "{}")
    assert "security/root.json" in run_gate("lint", cwd=world.repo.path).out
    (world.repo.path / "security/root.json").unlink()
    ran = run_gate("lint", cwd=world.repo.path)
    assert "missing-file" in ran.out
    assert ran.code == 1


def test_a_link_in_place_of_a_root_is_refused(world: World) -> None:
    world.on_main({CONFIG_PATH: named(world), **FILES})
    world.repo.checkout("main")
    (world.repo.path / "security/root.json").unlink()
    (world.repo.path / "security/root.json").symlink_to("/etc/hostname")
    world.repo.git("commit", "--quiet", "-am", "A link")
    with (
        open_view(discover(world.repo.path)) as view,
        pytest.raises(ConfigError, match=r"security/root\.json is a link"),
    ):
        read_judge(view, world.repo.tip("main"))
