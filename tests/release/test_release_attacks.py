"""The deploy gate against people who may push: what they send out of turn is not released."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.books import LOG, MAIN, Bookish, git, open_books
from support.breakglass import signed
from support.repository import isolated
from support.world import CHG, CONFIG, OTHER, ROLES, SERVICES, people_file, request_file

from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.errors import HistoryError
from itil_gate.model.statement import CorrectionPredicate
from itil_gate.release.correcting import record_corrections
from itil_gate.release.signing_desk import sign_statement
from itil_gate.signing.statement import correction_statement

if TYPE_CHECKING:
    from datetime import datetime

    from support.repository import Keyring
    from support.world import World

ANOTHER = "sha256:" + "b" * 64


@pytest.fixture
def books(world: World) -> Bookish:
    return open_books(world)


def _failed(found: object) -> list[str]:
    return [reason.rule for reason in found.findings.failed]  # type: ignore[attr-defined]


def _foxtrot(books: Bookish, *, at: str, path: str = "src/evil.py") -> str:
    """Push main merged into a commit beside it, so that main's own line is the second parent."""
    world = books.world
    world.repo.checkout("aside", create=True, at=at)
    world.commit({path: "print('evil')\n"}, by="erin")
    git(world, "merge", "--quiet", "--no-ff", "-m", "Merge main", "main")
    git(world, "checkout", "--quiet", "main")
    git(world, "merge", "--quiet", "--ff-only", "aside")
    return world.repo.tip("main")


@pytest.mark.parametrize("recorded", [True, False])
def test_a_line_that_was_put_in_place_of_the_targets_is_not_released(
    books: Bookish, *, recorded: bool
) -> None:
    root = books.world.repo.git("rev-list", "--max-parents=0", "main")
    _foxtrot(books, at=root)
    if recorded:
        (tile,) = books.landed()
        assert tile.update.standing == "unauthorised"
    examined, record = books.start()
    assert record is None
    assert _failed(examined) == ["not-on-target"]
    (said,) = examined.findings.failed
    assert books.known().adopted[:12] in said.message


def test_a_line_in_place_of_the_targets_is_not_released_over_what_runs(books: Bookish) -> None:
    root = books.world.repo.git("rev-list", "--max-parents=0", "main")
    first = books.land({"src/app.py": "1\n"}, CHG, branch="feature")
    books.release()
    _foxtrot(books, at=root)
    assert _failed(books.start(artifact=ANOTHER)[0]) == ["not-on-target"]
    # What was on the line before is an ancestor still, and on it no more.
    assert _failed(books.start(first)[0]) == ["not-on-target"]


def test_a_line_that_leaves_out_what_runs_is_asked_about_from_the_beginning(
    books: Bookish,
) -> None:
    adopted = books.world.repo.tip("main")
    books.land({"src/app.py": "1\n"}, CHG, branch="feature")
    books.release()
    tip = _foxtrot(books, at=adopted)
    examined, _ = books.start(artifact=ANOTHER)
    assert _failed(examined) == ["unrecorded-update"]
    assert [before for before, _ in examined.facts.steps][:1] == [adopted]
    assert examined.facts.steps[-1][1] == tip


def test_a_branch_that_began_before_the_log_is_merged_and_released(books: Bookish) -> None:
    world = books.world
    root = world.repo.git("rev-list", "--max-parents=0", "main")
    world.propose({"src/app.py": "1\n"}, at=root)
    world.approve("bob")
    books.decide()
    books.merge()
    assert [one.update.standing for one in books.landed()] == ["authorised"]
    assert books.start()[1] is not None


STRICT = (
    "release:\n  environments: [staging, production]\n  after: {production: staging}\n"
    "  provenance: attested\noverride: {role: change-authority, ownChanges: false}\n"
)


def _window(now: datetime, start: int, end: int) -> str:
    """Return a window from so many hours to so many hours from now."""
    moments = [f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M}" for hours in (start, end)]
    return f'  window: {{start: "{moments[0]}", end: "{moments[1]}", timezone: UTC}}\n'


@pytest.mark.parametrize("recorded", [True, False])
def test_policies_that_nobody_let_in_judge_no_release(world: World, *, recorded: bool) -> None:
    books = open_books(world, config=CONFIG + STRICT)
    books.land({"src/app.py": "1\n"}, CHG, branch="feature")
    released = world.repo.tip("main")
    assert _failed(books.start()[0]) == ["provenance", "promotion-skipped"]
    world.on_main({"itil-gate.yaml": CONFIG + LOG}, by="erin")
    if recorded:
        books.landed()
    before = books.kinds()
    with pytest.raises(HistoryError) as refused:
        books.start(released)
    assert refused.value.code == ("policies-unauthorised" if recorded else "policies-unrecorded")
    assert books.kinds() == before


def test_nobody_makes_himself_the_one_who_overrides(world: World, keyring: Keyring) -> None:
    books = open_books(world, config=CONFIG + STRICT)
    roles = {**ROLES, "change-authority": ("erin",)}
    tip = world.on_main(
        {"src/app.py": "evil\n", "people.yaml": people_file(keyring, roles=roles)}, by="erin"
    )
    books.landed()
    world.file(
        signed(
            *(world, "erin"),
            stage="deploy",
            head=None,
            commit=tip,
            environment="production",
            changes=(),
            scope=("**",),
        )
    )
    with pytest.raises(HistoryError, match=r"people\.yaml"):
        books.start()


def test_the_way_back_asks_no_policies(world: World) -> None:
    books = open_books(world)
    first = books.land({"src/app.py": "1\n"}, CHG, branch="feature")
    books.release()
    books.land({"src/app.py": "2\n"}, OTHER, branch="second")
    books.release(artifact=ANOTHER)
    world.on_main({"itil-gate.yaml": CONFIG + LOG + "# mine\n"}, by="erin")
    books.landed()
    assert books.start(first, backout=True)[1] is not None


@pytest.mark.parametrize("recorded", [True, False])
def test_a_window_that_nobody_let_in_holds_for_nothing(books: Bookish, *, recorded: bool) -> None:
    world = books.world
    world.propose(extra=_window(world.now, 20, 21))
    world.approve("bob")
    books.decide()
    books.merge()
    books.landed()
    released = world.repo.tip("main")
    assert _failed(books.start()[0]) == ["outside-window"]
    path = f"changes/2026/{CHG}.yaml"
    world.on_main({path: request_file(extra=_window(world.now, -1, 1))}, by="erin")
    if recorded:
        books.landed()
    assert _failed(books.start(released)[0]) == ["outside-window"]
    git(world, "rm", "--quiet", path)
    git(world, "commit", "--quiet", "-m", "Away")
    assert _failed(books.start(released)[0]) == ["outside-window"]


def test_a_window_that_was_amended_in_a_change_holds(books: Bookish) -> None:
    world = books.world
    world.propose(extra=_window(world.now, 20, 21))
    world.approve("bob")
    books.decide()
    books.merge()
    books.landed()
    released = world.repo.tip("main")
    world.propose(
        {"src/app.py": "print('newer')\n"}, branch="amended", extra=_window(world.now, -1, 2)
    )
    world.approve("bob", head="amended")
    books.decide("amended")
    books.merge("amended")
    assert [one.update.standing for one in books.landed()] == ["authorised"]
    assert books.start(released)[1] is not None


FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {{name: frozen, owner: change-authority, reviewBy: 2027-01-01}}
spec:
  freezes:
    - {{id: quarter, reason: Books close., start: "{:%Y-%m-%dT%H:%M}", end: "{:%Y-%m-%dT%H:%M}",
       timezone: UTC, scope: {{environments: [production]}}}}
"""
MODEL = """\
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {name: text, owner: change-authority, reviewBy: 2027-01-01}
spec:
  type: standard
  description: Texts that users read.
  paths: ["src/texts/**"]
  limits: {files: 2, deletions: 0, environments: [production], risk: low}
  recognise: true
  expires: 2027-06-30
"""


def _frozen(world: World, *, config: str = CONFIG, after: int = 0) -> Bookish:
    """Open the log where production is frozen for a day, from so many hours after now."""
    start = world.now + timedelta(hours=after)
    text = FREEZE.format(start, start + timedelta(days=1))
    world.on_main({"policies/frozen.yaml": text, "policies/models.yaml": MODEL})
    return open_books(world, config=config)


def _land_for(books: Bookish, environments: str) -> None:
    world = books.world
    text = request_file().replace("environments: [production]", f"environments: [{environments}]")
    world.repo.checkout("feature", create=True, at="main")
    world.commit({f"changes/2026/{CHG}.yaml": text, "src/app.py": "print('new')\n"})
    world.approve("bob")
    books.decide()
    books.merge()
    assert [one.update.standing for one in books.landed()] == ["authorised"]


def test_who_declares_another_environment_meets_the_freeze_all_the_same(world: World) -> None:
    books = _frozen(world)
    _land_for(books, "staging")
    assert _failed(books.start()[0]) == ["in-freeze"]
    assert books.start(environment="staging")[1] is not None


def test_what_was_declared_for_staging_goes_to_staging_only(world: World) -> None:
    release = "release: {environments: [staging, production], after: {production: staging}}\n"
    books = open_books(world, config=CONFIG + release)
    _land_for(books, "staging")
    books.release(environment="staging")
    assert _failed(books.start()[0]) == ["undeclared-environment"]


def test_what_was_declared_for_production_is_promoted_through_staging(world: World) -> None:
    release = "release: {environments: [staging, production], after: {production: staging}}\n"
    books = open_books(world, config=CONFIG + release)
    _land_for(books, "production")
    books.release(environment="staging")
    assert books.start()[1] is not None


def test_a_recognised_change_meets_a_freeze_that_began_after_it_landed(world: World) -> None:
    books = _frozen(world, after=2)
    world.repo.checkout("feature", create=True, at="main")
    world.commit({"src/texts/a": "2\n"})
    books.decide()
    books.merge()
    (tile,) = books.landed()
    assert (tile.update.standing, tile.update.changes[0][:4]) == ("authorised", "STD-")
    assert books.start()[1] is not None
    world.later(hours=3)
    assert _failed(books.start()[0]) == ["in-freeze"]


def test_nobody_goes_back_forward_into_a_freeze(world: World) -> None:
    books = _frozen(world, after=2)
    first = books.land({"src/app.py": "1\n"}, CHG, branch="feature")
    books.release()
    second = books.land({"src/app.py": "2\n"}, OTHER, branch="second")
    books.release(second, artifact=ANOTHER)
    books.release(first, backout=True)  # type: ignore[arg-type]
    world.later(hours=3)
    assert _failed(books.start(second, artifact=ANOTHER)[0]) == ["in-freeze"]
    examined, _ = books.start(second, artifact=ANOTHER, backout=True)
    assert _failed(examined) == ["not-released-before"]
    _, record = books.start(first, backout=True)
    assert record is not None
    assert record.backs_out == ()


def test_a_release_begins_in_its_window_and_not_in_the_soak(books: Bookish) -> None:
    world = books.world
    window = _window(world.now, -1, 1).replace("timezone: UTC", "timezone: UTC, soak: 24h")
    world.propose(extra=window)
    world.approve("bob")
    books.decide()
    books.merge()
    books.landed()
    assert books.start()[1] is not None
    world.later(hours=2)
    assert _failed(books.start()[0]) == ["outside-window"]


TWO_SERVICES = (
    SERVICES
    + """\
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: blog
  annotations: {itil-gate.dev/tier: "3", itil-gate.dev/paths: "blog/**"}
spec: {type: service, lifecycle: production}
"""
)
BY_OTHERS = CONFIG + "override: {role: change-authority, ownChanges: false}\n"
BREAKER = CONFIG + "override: {role: breaker, ownChanges: false}\n"


@pytest.fixture
def staffed(world: World, keyring: Keyring) -> Bookish:
    """Erin may break the glass for the blog only, Carol for every service."""
    grants = (
        "  - {role: breaker, members: [erin], services: [blog]}\n"
        "  - {role: breaker, members: [carol]}\n"
    )
    world.on_main(
        {
            "services/payments.yaml": TWO_SERVICES,
            "people.yaml": people_file(keyring, extra=grants),
        }
    )
    return open_books(world, config=BREAKER)


def _overridden(books: Bookish, by: str) -> tuple[str, str]:
    world = books.world
    world.file(
        signed(
            *(world, by),
            stage="deploy",
            head=None,
            commit=world.repo.tip("main"),
            environment="production",
            changes=(),
            scope=("**",),
        )
    )
    decision = books.start()[0].decision
    (entry,) = decision.overrides
    return decision.outcome, entry.code


@pytest.mark.parametrize("path", ["src/app.py", "other/app.py", "itil-gate.yaml.old"])
@pytest.mark.parametrize("recorded", [True, False])
def test_who_breaks_the_glass_for_one_service_does_not_for_another(
    staffed: Bookish, path: str, *, recorded: bool
) -> None:
    staffed.world.on_main({path: "print('mine')\n", "blog/a.md": "x\n"}, by="alice")
    if recorded:
        staffed.landed()
    assert _overridden(staffed, "erin") == ("deny", "role-not-held")


def test_who_breaks_the_glass_for_a_service_does_so_there(staffed: Bookish) -> None:
    staffed.world.on_main({"blog/a.md": "x\n"}, by="alice")
    staffed.landed()
    assert _overridden(staffed, "erin") == ("overridden", "overrides")


@pytest.mark.parametrize("recorded", [True, False])
def test_nobody_overrides_for_what_they_pushed_where_that_is_forbidden(
    staffed: Bookish, *, recorded: bool
) -> None:
    staffed.world.on_main({"src/app.py": "print('mine')\n"}, by="carol")
    if recorded:
        staffed.landed()
    assert _overridden(staffed, "carol") == ("deny", "own-change")


def test_who_took_no_part_overrides_for_what_was_pushed(staffed: Bookish) -> None:
    staffed.world.on_main({"src/app.py": "print('hers')\n"}, by="alice")
    staffed.landed()
    assert _overridden(staffed, "carol") == ("overridden", "overrides")


def test_who_merges_what_was_authorised_took_no_part_in_it(world: World) -> None:
    books = _frozen(world, config=BY_OTHERS, after=2)
    world.propose({"src/app.py": "1\n"})
    world.approve("bob")
    books.decide()
    git(world, "checkout", "--quiet", "main")
    who = {
        "NAME": "Carol",
        "EMAIL": "carol@example.com",
        "DATE": f"@{int(world.now.timestamp())} +0000",
    }
    env = {f"GIT_{one}_{key}": who[key] for one in ("AUTHOR", "COMMITTER") for key in who}
    command = ["git", "merge", "--quiet", "--no-ff", "feature"]
    subprocess.run(command, cwd=world.repo.path, env=isolated(env), check=True)
    assert "carol@" in world.repo.git("log", "-1", "--format=%ae", "main")
    assert [one.update.standing for one in books.landed()] == ["authorised"]
    world.later(hours=3)
    assert _failed(books.start()[0]) == ["in-freeze"]
    assert _overridden(books, "carol") == ("overridden", "overrides")


def test_who_recovers_for_one_service_corrects_nothing(world: World, keyring: Keyring) -> None:
    grants = (
        "  - {role: rescue, members: [erin], services: [payments-api]}\n"
        "  - {role: rescue, members: [carol]}\n"
    )
    world.on_main({"people.yaml": people_file(keyring, extra=grants)})
    books = open_books(world, config=f"{CONFIG}recovery: rescue\n")
    before = world.repo.tip("main")
    after = world.on_main({"src/app.py": "1\n"}, by="alice")
    books.landed()
    for person, code in (("erin", "role-not-held"), ("carol", "corrects")):
        said = CorrectionPredicate(
            repository="example.com/acme/payments",
            target=MAIN,
            before=before,
            after=after,
            reason="Nobody held the role.",
            signer=person,
            issued_at=world.now,
        )
        key = str(world.person(person).key)
        world.file(sign_statement(correction_statement(said), key=key, interactive=False))
        with open_view(discover(world.repo.path)) as view:
            heard = record_corrections(books.books, view, target=MAIN)
        assert [one.code for one in heard if one.person == person] == [code]
