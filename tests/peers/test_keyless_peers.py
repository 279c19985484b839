"""Provenance that a builder signs without a key: made by sigstore's own code, believed offline."""

from __future__ import annotations

import base64
import copy
import json
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.books import Bookish, open_books, private_keys
from support.keyless import (
    ISSUER,
    WORKFLOW,
    Sigstore,
    claims_of,
    keyless,
    provenance,
)
from support.repository import Keyring, Repo
from support.shell import Ran, run_gate
from support.world import CONFIG as WORLD_CONFIG
from support.world import World, adopt

from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.policy import Source
from itil_gate.policy.compile import read_config
from itil_gate.release.provenance import read_provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from itil_gate.decide.deploy_facts import Provenance

pytestmark = pytest.mark.peer

ARTIFACT, COMMIT = "a" * 64, "c" * 40
ROOT = "security/trusted_root.json"
WELL = (frozenset({f"sha256:{ARTIFACT}"}), frozenset({COMMIT}))


@pytest.fixture(scope="module")
def sigstore(tmp_path_factory: pytest.TempPathFactory) -> Sigstore:
    """The Sigstore that the configuration names."""
    return Sigstore(tmp_path_factory.mktemp("sigstore") / "ours")


@pytest.fixture(scope="module")
def good(sigstore: Sigstore) -> bytes:
    """A bundle that proves WELL."""
    return sigstore.sign(provenance(ARTIFACT, COMMIT))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing in this process reach another machine."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def read(data: bytes, sigstore: Sigstore, **terms: str | None) -> Provenance:
    """Read an attestation as a configuration on the target would have it."""
    text = "apiVersion: itil-gate/v1\nkind: Config\nrepository: example.com/a/b\n"
    text += keyless(ROOT, **terms)
    config = read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})
    return read_provenance(data, config, roots={ROOT: sigstore.root})


def proved(found: Provenance) -> tuple[frozenset[str], frozenset[str]] | None:
    return None if found.fault else (found.artifacts, found.commits)


@pytest.mark.parametrize("stamped", [False, True])
def test_the_workflow_that_is_named_attests_artefact_and_commit(
    sigstore: Sigstore, *, stamped: bool
) -> None:
    found = read(sigstore.sign(provenance(ARTIFACT, COMMIT), stamped=stamped), sigstore)
    assert (found.builder, proved(found)) == (WORKFLOW, WELL), found.fault
    assert proved(read(sigstore.sign(provenance(ARTIFACT, COMMIT)), sigstore,
                       sourceRef="refs/heads/main")) == WELL  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"identity": WORKFLOW.replace("main", "other")}, "SANs do not match"),
        ({"identity": WORKFLOW[:-1]}, "SANs do not match"),
        ({"identity": ".*"}, "SANs do not match"),
        ({"issuer": "https://token.example"}, "OIDCIssuer does not match"),
        ({"issuer": f"{ISSUER}/acme"}, "OIDCIssuer does not match"),
        ({"sourceRepository": "https://github.com/acme/other"}, "RepositoryURI does not match"),
        ({"sourceRepository": None}, "keyless.sourceRepository is missing"),
        ({"sourceRef": "refs/tags/v1"}, "RepositoryRef does not match"),
    ],
)
def test_another_identity_than_the_configured_proves_nothing(
    sigstore: Sigstore, good: bytes, terms: dict[str, str | None], said: str
) -> None:
    found = read(good, sigstore, **terms)
    assert said in found.fault
    assert found.fault.isascii()


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"sub": f"{WORKFLOW}x"}, "SANs do not match"),
        ({"iss": "https://evil.example"}, "OIDCIssuer does not match"),
        ({"repository": "evil/fork"}, "RepositoryURI does not match"),
        ({"sha": "d" * 40}, "another source commit than the provenance"),
        ({"sha": COMMIT[:-1]}, "another source commit than the provenance"),
    ],
)
def test_whoever_else_signs_proves_nothing(
    sigstore: Sigstore, claims: dict[str, str], said: str
) -> None:
    made = sigstore.sign(provenance(ARTIFACT, COMMIT), claims=claims_of(COMMIT) | claims)
    assert said in read(made, sigstore).fault


def test_a_certificate_without_a_source_is_believed_only_where_none_is_named(
    sigstore: Sigstore,
) -> None:
    claims = {"sub": WORKFLOW, "iss": ISSUER}
    made = sigstore.sign(provenance(ARTIFACT, COMMIT), claims=claims)
    assert "does not contain OIDCSourceRepositoryURI" in read(made, sigstore).fault
    assert proved(read(made, sigstore, sourceRepository=None)) == WELL


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (provenance(ARTIFACT, COMMIT, builder="https://evil.example"), "not listed"),
        ({**provenance(ARTIFACT, COMMIT), "predicateType": "https://spdx.dev/Document/v2.3"},
         "no SLSA provenance v1 but https://spdx.dev"),
        ({**provenance(ARTIFACT, COMMIT), "predicateType": "https://slsa.dev/provenance/v0.2"},
         "no SLSA provenance v1"),
        ({**provenance(ARTIFACT, COMMIT), "predicate": {}}, "cannot be read"),
        ({**provenance(ARTIFACT, COMMIT), "subject": None}, "cannot be read"),
        (b"no json", "cannot be read"),
        (b" ", "cannot be read"),
    ],
)  # fmt: skip
def test_a_statement_of_something_else_proves_nothing(
    sigstore: Sigstore, statement: Any, said: str
) -> None:
    assert said in read(sigstore.sign(statement), sigstore).fault


def test_a_payload_of_another_type_proves_nothing(sigstore: Sigstore) -> None:
    made = sigstore.sign(provenance(ARTIFACT, COMMIT), kind="text/plain")
    assert "no SLSA provenance" in read(made, sigstore).fault


def test_a_bundle_of_another_sigstore_proves_nothing(
    sigstore: Sigstore, good: bytes, tmp_path: Path
) -> None:
    other = Sigstore(tmp_path / "other")
    assert proved(read(good, sigstore)) == WELL
    assert read(good, other).fault
    assert read(other.sign(provenance(ARTIFACT, COMMIT)), sigstore).fault
    # Each part of the root by itself: authority, certificate transparency, log.
    theirs = json.loads(other.root)
    for part in ("certificateAuthorities", "ctlogs", "tlogs"):
        mixed = json.loads(sigstore.root)
        mixed[part] = theirs[part]
        other.root = json.dumps(mixed)
        assert read(good, other).fault, part


def parts(bundle: dict[str, Any]) -> Iterator[tuple[str, bytes, Callable[[bytes], None]]]:
    """Yield name, bytes and setter of everything in a bundle that something signs or hashes."""
    material = bundle["verificationMaterial"]
    (entry,) = material["tlogEntries"]
    (signature,) = bundle["dsseEnvelope"]["signatures"]
    proof = entry["inclusionProof"]
    for name, holder, key in (
        ("certificate", material["certificate"], "rawBytes"),
        ("payload", bundle["dsseEnvelope"], "payload"),
        ("signature", signature, "sig"),
        ("body", entry, "canonicalizedBody"),
        ("promise", entry.get("inclusionPromise"), "signedEntryTimestamp"),
        ("root hash", proof, "rootHash"),
        ("hash", proof["hashes"], 0),
        # Where no promise signs it, it is a hint as to which of the root's keys is meant.
        ("log id", entry["logId"] if "inclusionPromise" in entry else None, "keyId"),
    ):
        if holder is None:
            continue

        def put(data: bytes, holder: Any = holder, key: Any = key) -> None:
            holder[key] = base64.b64encode(data).decode()

        yield name, base64.b64decode(holder[key]), put


@pytest.mark.parametrize(("of", "many"), [("good", 8), ("stamped", 6)])
def test_a_flipped_bit_of_any_part_proves_nothing(
    sigstore: Sigstore, of: str, many: int, request: pytest.FixtureRequest
) -> None:
    bundle = request.getfixturevalue(of)
    tried = set()
    for number, (name, data, _) in enumerate(parts(json.loads(bundle))):
        for at in range(0, len(data), max(1, len(data) // 24)):
            broken = json.loads(bundle)
            _, _, put = list(parts(broken))[number]
            put(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert read(json.dumps(broken).encode(), sigstore).fault, (name, at)
            tried.add(name)
    assert len(tried) == many


@pytest.mark.parametrize(
    "path",
    [
        ("logIndex",),
        ("integratedTime",),
        ("inclusionProof", "logIndex"),
        ("inclusionProof", "treeSize"),
    ],
)
def test_another_number_in_the_entry_of_the_log_proves_nothing(
    sigstore: Sigstore, good: bytes, path: tuple[str, ...]
) -> None:
    for change in (-1, 1, 1 << 62, 1 << 70, -(1 << 70)):
        broken = json.loads(good)
        holder = broken["verificationMaterial"]["tlogEntries"][0]
        for name in path[:-1]:
            holder = holder[name]
        holder[path[-1]] = str(int(holder[path[-1]]) + change)
        assert read(json.dumps(broken).encode(), sigstore).fault, change


def test_a_flipped_bit_of_the_text_changes_nothing_that_is_believed(
    sigstore: Sigstore, good: bytes
) -> None:
    """What nobody signs may differ: a name in a signature's line, the last bits of base64."""
    taken = 0
    for at in range(0, len(good), 11):
        broken = bytearray(good)
        broken[at] ^= 1
        found = proved(read(bytes(broken), sigstore))
        assert found in (None, WELL), at
        taken += found is not None
    assert taken < 5


@pytest.fixture(scope="module")
def stamped(sigstore: Sigstore) -> bytes:
    """A bundle that proves WELL, whose time is that of a time-stamp alone."""
    return sigstore.sign(provenance(ARTIFACT, COMMIT), stamped=True, version=2)


def test_where_only_a_stamp_says_when_it_has_to_hold(
    sigstore: Sigstore, good: bytes, stamped: bytes
) -> None:
    (entry,) = json.loads(stamped)["verificationMaterial"]["tlogEntries"]
    assert "integratedTime" not in entry
    assert "inclusionPromise" not in entry
    assert proved(read(stamped, sigstore)) == WELL
    mixed, another = json.loads(stamped), json.loads(sigstore.sign({}, stamped=True))
    for bundle in (json.loads(good), another):
        place = bundle["verificationMaterial"].get("timestampVerificationData")
        mixed["verificationMaterial"]["timestampVerificationData"] = place
        assert read(json.dumps(mixed).encode(), sigstore).fault
    unlisted = copy.copy(sigstore)
    unlisted.root = json.dumps({**json.loads(sigstore.root), "timestampAuthorities": []})
    assert read(stamped, unlisted).fault


def test_a_flipped_bit_of_a_stamp_makes_no_other_statement(
    sigstore: Sigstore, stamped: bytes
) -> None:
    """What of a stamp its authority signs has to hold; its outer shell may differ."""
    holder = json.loads(stamped)["verificationMaterial"]["timestampVerificationData"]
    data = base64.b64decode(holder["rfc3161Timestamps"][0]["signedTimestamp"])
    taken = 0
    for at in range(0, len(data), 3):
        bundle = json.loads(stamped)
        (one,) = bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
        broken = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        one["signedTimestamp"] = base64.b64encode(broken).decode()
        found = proved(read(json.dumps(bundle).encode(), sigstore))
        assert found in (None, WELL), at
        taken += found is not None
    assert taken < len(data) // 30


def without(path: str) -> Callable[[dict[str, Any]], None]:
    """Return what takes a key out of a bundle."""

    def take(bundle: dict[str, Any]) -> None:
        *way, last = path.split("/")
        holder: Any = bundle
        for name in way:
            holder = holder[int(name) if name.isdigit() else name]
        del holder[last]

    return take


ENTRY = "verificationMaterial/tlogEntries/0"


@pytest.mark.parametrize(
    "path",
    [
        *("mediaType", "verificationMaterial", "verificationMaterial/certificate", "dsseEnvelope"),
        *("verificationMaterial/tlogEntries", "dsseEnvelope/signatures", "dsseEnvelope/payload"),
        *(f"{ENTRY}/inclusionPromise", f"{ENTRY}/inclusionProof", f"{ENTRY}/integratedTime"),
        *(f"{ENTRY}/inclusionProof/checkpoint", f"{ENTRY}/inclusionProof/hashes"),
        *(f"{ENTRY}/canonicalizedBody", f"{ENTRY}/kindVersion", f"{ENTRY}/logId"),
    ],
)
def test_a_bundle_that_lacks_a_part_proves_nothing(
    sigstore: Sigstore, good: bytes, path: str
) -> None:
    bundle = json.loads(good)
    without(path)(bundle)
    assert read(json.dumps(bundle).encode(), sigstore).fault


def test_parts_of_two_good_bundles_make_no_third(sigstore: Sigstore, good: bytes) -> None:
    another = json.loads(sigstore.sign(provenance("b" * 64, COMMIT)))
    ours = json.loads(good)
    for part in ("dsseEnvelope", "verificationMaterial"):
        assert read(json.dumps({**ours, part: another[part]}).encode(), sigstore).fault
    for part in ("certificate", "tlogEntries"):
        mixed = json.loads(good)
        mixed["verificationMaterial"][part] = another["verificationMaterial"][part]
        assert read(json.dumps(mixed).encode(), sigstore).fault
    twice = json.loads(good)
    entries = twice["verificationMaterial"]["tlogEntries"]
    entries += another["verificationMaterial"]["tlogEntries"]
    assert read(json.dumps(twice).encode(), sigstore).fault


def test_a_bundle_a_line_as_the_forge_hands_them_out(sigstore: Sigstore, good: bytes) -> None:
    spdx = {**provenance(ARTIFACT, COMMIT), "predicateType": "https://spdx.dev/Document/v2.3"}
    lines = [json.dumps(json.loads(one)).encode() for one in (sigstore.sign(spdx), good)]
    assert proved(read(b"\n".join([*lines, b""]), sigstore)) == WELL
    assert "spdx" in read(b"\n".join([lines[0], lines[0]]), sigstore).fault


def test_any_shape_in_place_of_a_part_is_judged(sigstore: Sigstore, good: bytes) -> None:
    odd = (None, True, 0, -1, 1.5, "", "x", "\ud800", [], [[]], {}, {"a": None}, "9" * 5000)
    for way in ways(json.loads(good)):
        for value in odd:
            bundle: Any = json.loads(good)
            holder = bundle
            for step in way[:-1]:
                holder = holder[step]
            holder[way[-1]] = value
            found = read(json.dumps(bundle).encode(), sigstore)
            assert proved(found) in (None, WELL), (way, value)
            assert found.fault.isascii()


def ways(said: Any, *before: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value in a document."""
    for key, value in said.items() if isinstance(said, dict) else enumerate(said):
        yield (*before, key)
        if isinstance(value, dict | list):
            yield from ways(value, *before, key)


# -- the whole way, as a pipeline goes it -------------------------------------------------------


START = (
    *("release", "start", "--environment", "production", "--commit", "main"),
    *("--deployer", "pipeline", "--artifact", f"sha256:{ARTIFACT}"),
)


@pytest.fixture
def books(tmp_path: Path, keyring: Keyring, sigstore: Sigstore) -> Bookish:
    """A repository whose target names the workflow and the root, with a change on it."""
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring)
    world = World(repo, keyring, now=datetime.now(tz=UTC).replace(microsecond=0))
    world.on_main({ROOT: sigstore.root})
    made = open_books(world, config=WORLD_CONFIG, more=keyless(ROOT))
    made.land({"src/app.py": "print(2)\n"}, "CHG-2026-AAAA0001", branch="feature")
    return made


def start(books: Bookish, data: bytes, tmp_path: Path) -> Ran:
    """Run `release start` with a file of provenance."""
    (tmp_path / "keys").mkdir(exist_ok=True)
    (tmp_path / "app.sigstore.json").write_bytes(data)
    ran = run_gate(
        *START,
        *("--provenance", tmp_path / "app.sigstore.json"),
        cwd=books.world.repo.path,
        env=private_keys(tmp_path / "keys"),
        fresh=True,  # a program of its own: nothing is asked of another process
    )
    assert "Traceback" not in ran.err
    return ran


def test_a_release_is_attested_by_a_bundle_and_denied_by_a_bent_one(
    books: Bookish, sigstore: Sigstore, tmp_path: Path
) -> None:
    commit = books.world.repo.tip("main")
    claims = claims_of(commit)
    # What stands in the work tree is not asked: the root is read from the target's commit.
    (books.world.repo.path / ROOT).write_text("{}")
    bent = bytearray(sigstore.sign(provenance(ARTIFACT, commit), claims=claims))
    bent[bent.index(b'"sig":"') + 40] ^= 1
    denied = [
        (bytes(bent), "did not sign it"),
        (sigstore.sign(provenance("b" * 64, commit), claims=claims), "about another artefact"),
        (sigstore.sign(provenance(ARTIFACT, "d" * 40), claims=claims), "another source commit"),
        (sigstore.sign(provenance(ARTIFACT, "d" * 40), claims=claims_of("d" * 40)),
         "built from another commit"),
        (Sigstore(tmp_path / "other").sign(provenance(ARTIFACT, commit), claims=claims),
         "did not sign it"),
    ]  # fmt: skip
    for data, said in denied:
        ran = start(books, data, tmp_path)
        assert ran.code == 1, ran.err
        (line,) = [one for one in ran.out.splitlines() if "FAILED" in one]
        assert "provenance" in line
        assert said in ran.out
    ran = start(books, sigstore.sign(provenance(ARTIFACT, commit), claims=claims), tmp_path)
    assert ran.code == 0, ran.out + ran.err
    record = books.entries()[-1]
    assert record.kind == "release-record"
    assert record.predicate["provenance"] == "attested"
    assert record.predicate["commit"] == commit
    assert books.kinds().count("release-record") == 1


def test_the_root_is_one_of_the_judges_data(books: Bookish, tmp_path: Path) -> None:
    """Whoever changes it on the target without authority is no longer heard."""
    other = Sigstore(tmp_path / "other")
    commit = books.world.on_main({ROOT: other.root}, by="alice")
    ran = start(books, other.sign(provenance(ARTIFACT, commit), claims=claims_of(commit)), tmp_path)
    assert ran.code == 2
    assert "policies-unrecorded" in ran.err
    books.landed(f"{commit}^")
    ran = start(books, other.sign(provenance(ARTIFACT, commit), claims=claims_of(commit)), tmp_path)
    assert ran.code == 2
    assert "policies-unauthorised" in ran.err
    assert books.kinds().count("release-record") == 0
