"""Releases of packages: attested for other tools, and held against what the log recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.attacks import Victim
from support.books import Bookish, open_books, private_keys
from support.repository import Keyring, Repo
from support.shell import run_gate
from support.world import CHG, World, adopt, copy_world

from itil_gate.log.append import Event
from itil_gate.model.errors import GateError
from itil_gate.release.attesting import package_url

if TYPE_CHECKING:
    from pathlib import Path

PURL = "pkg:npm/%40acme/shop@1.4.0"


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        (PURL, "shop", "1.4.0"),
        ("pkg:generic/shop@1.4.0", "shop", "1.4.0"),
        ("pkg:oci/shop@sha256%3Afedc?repository_url=registry.example.com/acme/shop", "shop",
         "sha256%3Afedc"),
        ("pkg:maven/org.acme/shop@1.4?classifier=sources#a/b", "shop", "1.4"),
    ],
)  # fmt: skip
def test_a_package_url_names_one_release(text: str, name: str, version: str) -> None:
    assert package_url(text) == (name, version)


@pytest.mark.parametrize(
    "text",
    ["", "shop", "pkg:npm/shop", "pkg:npm/shop@", "pkg:npm@1.0", "npm/shop@1", "pkg:npm/shop@1\n"],
)
def test_a_package_url_without_a_version_is_refused(text: str) -> None:
    with pytest.raises(GateError, match="no package URL of one release"):
        package_url(text)


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """A change that landed, by the clock of this machine; made once."""
    repo = Repo(tmp_path_factory.mktemp("landed") / "repo")
    adopt(repo, keyring)
    now = datetime.now(tz=UTC).replace(microsecond=0)
    books = open_books(World(repo, keyring, now=now))
    books.land({"src/web/page.txt": "one\n"}, CHG, branch="first")
    return repo.path


@pytest.fixture
def books(tmp_path: Path, landed: Path, keyring: Keyring) -> Bookish:
    """A copy of it, now."""
    world = copy_world(landed, tmp_path / "repo", keyring)
    world.now = datetime.now(tz=UTC).replace(microsecond=0)
    return Bookish(world)


def _start(books: Bookish, *more: str) -> tuple[int, str]:
    here = books.world.repo.path
    ran = run_gate(
        *("release", "start", "--environment", "production", "--commit", "main"),
        *("--deployer", "pipeline", "--format", "json", *more),
        cwd=here,
        env=private_keys(here.parent),
    )
    return ran.code, ran.err


def test_a_purl_makes_an_in_toto_release_attestation_of_the_file(books: Bookish) -> None:
    (books.world.repo.path / "shop-1.4.0.tgz").write_bytes(b"built\n")
    assert _start(books, "--artifact", "shop-1.4.0.tgz", "--purl", PURL)[0] == 0
    *_, record, attested = books.entries()
    assert (record.kind, attested.kind) == ("release-record", "release-attestation")
    said = attested.statement
    assert said["predicateType"] == "https://in-toto.io/attestation/release/v0.1"
    algorithm, _, value = record.predicate["artifact"].partition(":")
    assert said["subject"] == [{"name": "shop-1.4.0.tgz", "digest": {algorithm: value}}]
    assert said["predicate"]["purl"] == PURL
    assert said["predicate"]["itilGate"]["release"] == record.index
    victim = Victim(books.world, books.config)
    assert victim.bad() == set()


def test_a_purl_without_a_version_releases_nothing(books: Bookish) -> None:
    size = len(books.entries())
    code, err = _start(books, "--artifact", "sha256:" + "a" * 64, "--purl", "pkg:npm/shop")
    assert (code, "bad-purl" in err) == (2, True)
    assert len(books.entries()) == size


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"purl": "pkg:npm/evil@1.4.0"}, "has another purl"),
        ({"nonce": "REL-2026-99999999"}, "has another nonce"),
        ({"release": 0}, "is no release that stands before it"),
    ],
)
def test_an_attestation_that_the_log_does_not_bear_out_is_bad(
    books: Bookish, change: dict[str, str | int], said: str
) -> None:
    assert _start(books, "--artifact", "sha256:" + "a" * 64, "--purl", PURL)[0] == 0
    victim = Victim(books.world, books.config)
    index = victim.checkpoint.size - 1
    statement = victim.statement(index)
    inner = statement["predicate"]["itilGate"]
    for name, value in change.items():
        (statement["predicate"] if name == "purl" else inner)[name] = value
    # Whoever holds the recorder's key attests something else besides.
    victim.append([Event("release-attestation", ("another", "one"), statement)])
    found = victim.verify().verdict("meaning")
    assert said in "; ".join(fault.message for fault in found.faults)
