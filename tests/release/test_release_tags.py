"""Release tags: made with the log or not at all, believed by git, and missed when they lie."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.books import KEYS, MAIN, Bookish, open_books
from support.log import CHECKPOINT, RECORDER
from support.repository import Keyring, Repo, isolated
from support.world import CHG, World, adopt, copy_world

from itil_gate.audit.log_verification import Effort, verify_branch
from itil_gate.decide.deploy_facts import Attempt
from itil_gate.git.discover import discover
from itil_gate.git.release_tags import TagDraft, tag_bytes, tag_ref, tags_below
from itil_gate.git.view import open_view
from itil_gate.log.verify import terms_of
from itil_gate.model.errors import GateError
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.release.books import books_of
from itil_gate.release.releasing import start_release
from itil_gate.signing.ed25519 import public_line

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.log.verdict import Verification
    from itil_gate.model.record import ReleaseRecord
    from itil_gate.signing.ed25519 import Signer

TAG = "refs/tags/release/1.0"


class Shop:
    """A world with a log, perhaps kept by a hub, that releases with tags."""

    def __init__(self, books: Bookish, hub: Repo | None = None) -> None:
        self.books = books
        self.hub = hub
        self.repo = books.world.repo

    @property
    def where(self) -> Repo:
        """Where the log is kept."""
        return self.hub or self.repo

    def start(self, tag: str = "1.0", *, number: int = 1, repo: Repo | None = None) -> Any:
        """Release the tip of main to production."""
        place = discover((repo or self.repo).path)
        books = books_of(
            place,
            self.books.config,
            keys=KEYS,
            remote="origin" if self.hub else None,
            now=self.books.world.now,
        )
        tip = self.repo.tip("main")
        with open_view(place) as view:
            return start_release(
                books,
                view,
                Attempt(
                    environment="production",
                    commit=tip,
                    artifact="sha256:" + "a" * 64,
                    changes=(),
                    now=self.books.world.now,
                    backout=False,
                ),
                target=MAIN,
                tip=tip,
                nonce=f"REL-2026-{number:08d}",
                deployer="pipeline",
                purl=None,
                provenance=None,
                tag=tag,
            )

    def record(self, tag: str = "1.0", *, number: int = 1) -> ReleaseRecord:
        """Return the record of a release that may begin."""
        examined, _, record = self.start(tag, number=number)
        assert record is not None, examined.findings.failed
        kept: ReleaseRecord = record
        return kept

    def verify(self, repo: Repo | None = None, *, forget: bool = True) -> Verification:
        """Verify the log as somebody does who remembers nothing."""
        place = discover((repo or self.repo).path)
        if forget:
            shutil.rmtree(place.common_dir / "itil-gate", ignore_errors=True)
        assert self.books.config.log is not None
        terms = terms_of(self.books.config.log, self.books.config.repository)
        remote = "origin" if self.hub else None
        return verify_branch(place, terms, Effort(now=self.books.world.now), remote=remote)

    def told(self, **given: Any) -> str:
        """Return what is bad about the tags, in words."""
        found = self.verify(**given).verdict("tags")
        return "; ".join(fault.message for fault in found.faults)

    def forge(self, name: str, *, signer: Signer = CHECKPOINT, **swap: str) -> None:
        """Put a tag in the place of another, with parts of its message exchanged."""
        message = self.repo.raw("cat-file", "tag", TAG).partition(b"\n\n")[2].decode()
        message = message.partition("-----BEGIN")[0]
        for old, new in swap.items():
            message = message.replace(old.replace("_", "-"), new)
        draft = TagDraft(tag_ref(name), self.repo.tip("main"), message)
        raw = tag_bytes(draft, signer=signer, identity=("m", "m"), when=self.books.world.now)
        oid = self.where.raw_object("tag", raw)
        self.where.git("update-ref", tag_ref(name), oid)


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Path:
    """A log that is kept in the repository, and a change that landed; made once."""
    repo = Repo(tmp_path_factory.mktemp("landed") / "repo")
    adopt(repo, keyring)
    open_books(World(repo, keyring)).land({"src/web/page.txt": "one\n"}, CHG, branch="first")
    return repo.path


@pytest.fixture
def shop(tmp_path: Path, landed: Path, keyring: Keyring) -> Shop:
    """A copy of it."""
    return Shop(Bookish(copy_world(landed, tmp_path / "repo", keyring)))


@pytest.fixture
def hub_shop(shop: Shop, tmp_path: Path) -> Shop:
    """The same, with the log on a hub."""
    hub = Repo(tmp_path / "hub.git", bare=True)
    hub.git("config", "uploadpack.allowFilter", "true")
    hub.git("config", "uploadpack.allowAnySHA1InWant", "true")
    shop.repo.git("remote", "add", "origin", str(hub.path))
    shop.repo.git("push", "--quiet", "origin", "main", "audit-log")
    return Shop(shop.books, hub)


def _git_verifies(repo: Repo, directory: Path, tag: str) -> bool:
    allowed = directory / "allowed"
    allowed.write_text(f'log namespaces="git" {public_line(CHECKPOINT.public)}\n')
    asked = ["git", "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-tag", tag]
    return subprocess.run(asked, cwd=repo.path, env=isolated(), check=False).returncode == 0


def test_a_release_makes_a_tag_that_git_verifies_and_that_leads_to_the_log(
    shop: Shop, tmp_path: Path
) -> None:
    record = shop.record()
    assert record.tag == "release/1.0"
    assert shop.books.kinds()[-2:] == ["gate-decision", "release-record"]
    assert shop.repo.git("rev-parse", f"{TAG}^{{commit}}").strip() == record.commit
    assert _git_verifies(shop.repo, tmp_path, "release/1.0")
    message = shop.repo.git("tag", "-l", "--format=%(contents)", "release/1.0")
    assert f"Release-Id: {record.nonce}\n" in message
    assert shop.repo.raw("cat-file", "blob", f"{AUDIT_BRANCH}:checkpoint").decode() in message
    shop.repo.git("fsck", "--strict", "--no-dangling")
    found = shop.verify().verdict("tags")
    assert (found.state, found.looked) == ("ok", 1)


def test_a_denied_release_makes_no_tag(shop: Shop) -> None:
    shop.books.world.on_main({"src/app.py": "straight in\n"}, by="alice")
    examined, recorded, record = shop.start()
    assert (examined.decision.outcome, record, len(recorded.indices)) == ("deny", None, 1)
    assert shop.repo.git("for-each-ref", "refs/tags") == ""


def test_a_tag_is_never_made_twice_and_nothing_is_recorded_then(shop: Shop) -> None:
    shop.record()
    size = len(shop.books.entries())
    with pytest.raises(GateError, match=r"release/1\.0 here already"):
        shop.start(number=2)
    assert len(shop.books.entries()) == size


@pytest.mark.parametrize("name", ["", "-x", "a b", "a..b", "x.lock", "/x", "a//b", "x\n", "é"])
def test_a_name_that_is_none_is_refused_before_anything_is_recorded(name: str) -> None:
    with pytest.raises(GateError, match="no name of a release tag"):
        tag_ref(name)


def test_log_and_tag_arrive_together_and_a_fresh_clone_sees_both(
    hub_shop: Shop, tmp_path: Path
) -> None:
    record = hub_shop.record()
    hub = hub_shop.where
    assert hub.git("rev-parse", f"{TAG}^{{commit}}").strip() == record.commit
    assert hub_shop.repo.tip(TAG) == hub.tip(TAG)
    assert _git_verifies(hub, tmp_path, "release/1.0")
    hub.git("fsck", "--strict", "--no-dangling")
    clone = hub.clone(tmp_path / "clone", "--no-local", "--depth=1", "--no-tags")
    found = hub_shop.verify(clone).verdict("tags")
    assert (found.state, found.looked) == ("ok", 1)


def test_a_remote_that_refuses_the_tag_gets_nothing_of_the_log(hub_shop: Shop) -> None:
    hub = hub_shop.where
    hook = hub.git_dir / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ncase "$1" in refs/tags/*) echo no tags >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    before = hub.tip(AUDIT_BRANCH)
    with pytest.raises(GateError) as caught:
        hub_shop.start()
    assert caught.value.code == "push-refused"
    assert hub.tip(AUDIT_BRANCH) == before
    assert hub.git("for-each-ref", "refs/tags") == ""
    assert hub_shop.repo.git("for-each-ref", "refs/tags") == ""
    hook.unlink()
    assert hub_shop.record(number=2).tag == "release/1.0"


def test_a_tag_that_somebody_else_pushed_first_stops_the_release(hub_shop: Shop) -> None:
    hub = hub_shop.where
    hub.git("update-ref", TAG, hub.tip("main"))
    before = hub.tip(AUDIT_BRANCH)
    with pytest.raises(GateError, match="on origin already"):
        hub_shop.start()
    assert hub.tip(AUDIT_BRANCH) == before
    assert hub.tip(TAG) == hub.tip("main")


@pytest.mark.heavy
def test_a_race_that_is_lost_is_run_again_with_a_tag_over_the_new_head(hub_shop: Shop) -> None:
    hub = hub_shop.where
    hook = hub.git_dir / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    # The first push finds that somebody moved the log meanwhile; git says so of both refs.
    hook.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = refs/heads/audit-log ] && [ ! -e "$GIT_DIR/lost" ]; then\n'
        '  touch "$GIT_DIR/lost"; touch "$GIT_DIR/refs/heads/audit-log.lock"\n'
        '  (sleep 1; rm -f "$GIT_DIR/refs/heads/audit-log.lock") >/dev/null 2>&1 &\n'
        "fi\n"
    )
    hook.chmod(0o755)
    hub.git("config", "core.filesRefLockTimeout", "0")
    _, recorded, record = hub_shop.start()
    assert record is not None
    assert recorded.tries > 1
    assert hub_shop.told() == ""
    assert hub.tip(TAG) == hub_shop.repo.tip(TAG)


@pytest.mark.heavy
def test_a_shallow_clone_that_is_behind_can_tag(hub_shop: Shop, tmp_path: Path) -> None:
    hub = hub_shop.where
    clone = hub.clone(tmp_path / "ci", "--no-local", "--depth=4")
    other = hub.clone(tmp_path / "other")
    other.commit(files={"later": "x"})
    other.git("push", "--quiet", "origin", "main")
    _, _, record = hub_shop.start(repo=clone)
    assert record is not None
    assert hub.git("rev-parse", f"{TAG}^{{commit}}").strip() == record.commit
    hub.git("fsck", "--strict", "--no-dangling")


def test_a_moved_tag_is_bad(shop: Shop) -> None:
    shop.record()
    shop.repo.git("tag", "-f", "release/1.0", "main~1", "-m", "hotfix")
    assert "was moved" in shop.told()


def test_a_tag_that_is_gone_is_bad_also_for_who_verified_before(shop: Shop) -> None:
    record = shop.record()
    assert shop.verify().verdict("tags").state == "ok"
    shop.repo.git("update-ref", "-d", TAG)
    assert f"release {record.nonce} names the tag release/1.0, which is not there" in shop.told(
        forget=False
    )


def test_a_tag_replaced_on_the_same_commit_is_bad(shop: Shop) -> None:
    shop.record()
    shop.repo.git("tag", "-f", "release/1.0", "main", "-m", "the same commit")
    assert "does not carry the head of this log" in shop.told()


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("swap", "signer", "said"),
    [
        ({"REL_2026_00000001": "REL-2026-00000002"}, CHECKPOINT, "it says that it is of release"),
        ({}, RECORDER, "no checkpoint key that is good"),
        ({"example.com/acme/payments/audit_log": "example.com/acme/payments/audit-lag"},
         CHECKPOINT, "does not carry the head of this log"),
    ],
)  # fmt: skip
def test_a_tag_that_says_something_else_is_bad(
    shop: Shop, swap: dict[str, str], signer: Signer, said: str
) -> None:
    shop.record()
    shop.forge("1.0", signer=signer, **swap)
    assert said in shop.told()


@pytest.mark.heavy
def test_the_tag_of_another_repository_is_bad(shop: Shop, tmp_path: Path, keyring: Keyring) -> None:
    shop.record()
    theirs = Repo(tmp_path / "theirs")
    adopt(theirs, keyring)
    config = (theirs.path / "itil-gate.yaml").read_text()
    other = open_books(
        World(theirs, keyring), config=config.replace("acme/payments", "acme/ledger")
    )
    other.land({"src/web/page.txt": "one\n"}, CHG, branch="first")
    Shop(other).record()
    raw = theirs.raw("cat-file", "tag", TAG)
    moved = raw.replace(theirs.tip("main").encode(), shop.repo.tip("main").encode(), 1)
    shop.repo.git("update-ref", TAG, shop.repo.raw_object("tag", moved))
    assert "does not carry the head of this log" in shop.told()


def test_the_tag_of_another_release_under_a_second_name_is_bad(shop: Shop) -> None:
    shop.record()
    shop.repo.git("update-ref", "refs/tags/release/2.0", shop.repo.tip(TAG))
    assert "release/2.0" in shop.told()
    assert "no release names it" in shop.told()


def test_a_log_that_was_rewound_is_seen_by_a_fresh_clone_through_the_tag(
    hub_shop: Shop, tmp_path: Path
) -> None:
    hub = hub_shop.where
    before = hub.tip(AUDIT_BRANCH)
    hub_shop.record()
    hub.git("update-ref", AUDIT_BRANCH, before)
    clone = hub.clone(tmp_path / "clone")
    found = hub_shop.verify(clone)
    assert found.verdict("remembered").state == "bad"
    assert "the log says nothing of such a tag" in found.verdict("tags").faults[0].message


@pytest.mark.heavy
def test_a_log_that_was_rewritten_does_not_lead_to_the_tag(shop: Shop) -> None:
    before = shop.repo.tip(AUDIT_BRANCH)
    shop.record()
    tag = shop.repo.tip(TAG)
    shop.repo.git("update-ref", "-d", TAG)
    shop.repo.git("update-ref", AUDIT_BRANCH, before)
    shutil.rmtree(shop.repo.git_dir / "itil-gate")
    # The holder of all keys tells it anew, a minute later and under the same number.
    shop.books.world.later(minutes=1)
    shop.record()
    assert shop.told() == ""
    shop.repo.git("update-ref", TAG, tag)
    assert "the log does not lead to the checkpoint in it" in shop.told()


def test_tags_from_before_the_log_are_nobodys_business(shop: Shop) -> None:
    shop.repo.git("tag", "release/0.1", "main~2")
    assert shop.verify().verdict("tags").state == "ok"
    shop.record()
    adopted = shop.repo.git("rev-list", "--max-parents=0", "main").strip()
    shop.repo.git("update-ref", "refs/tags/release/0.1", adopted)
    found = shop.verify().verdict("tags")
    assert (found.state, found.detail) == ("ok", "1 below release/ are not of the gate")


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_git_verifies_tags_whatever_names_its_objects(tmp_path: Path, object_format: str) -> None:
    repo = Repo(tmp_path / "repo", object_format=object_format)
    commit = repo.commit(files={"code": "x"})
    draft = TagDraft("refs/tags/release/1.0", commit, "Release\n\nRelease-Id: REL-2026-00000001\n")
    when = datetime(2026, 3, 1, tzinfo=UTC)
    raw = tag_bytes(draft, signer=CHECKPOINT, identity=("log", "log"), when=when)
    repo.git("update-ref", draft.ref, repo.raw_object("tag", raw))
    assert _git_verifies(repo, tmp_path, "release/1.0")
    bent = raw.replace(b"00000001", b"00000002")
    repo.git("update-ref", draft.ref, repo.raw_object("tag", bent))
    assert not _git_verifies(repo, tmp_path, "release/1.0")
    with open_view(discover(repo.path)) as view:
        (seen,) = tags_below(view)
    assert (seen.name, seen.commit, seen.raw) == ("release/1.0", commit, bent)
