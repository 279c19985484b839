"""What is gathered about a merge, fact by fact, from small repositories."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.books import LOG, open_books
from support.breakglass import signed
from support.world import APPROVALS, CHG, CONFIG, NOW, OTHER, RISK, World, adopt, request_file

from itil_gate.gather.asking import MAX_BYTES, read_proposed, read_requests
from itil_gate.gather.inputs import (
    _adopted_at,
    _risk_models,
    find_commit,
    find_target_tip,
    gather,
)
from itil_gate.gather.record import read_history
from itil_gate.gather.sources import read_judge
from itil_gate.git import tree as trees
from itil_gate.git.diff import content_digest, raw_diff
from itil_gate.git.discover import discover
from itil_gate.git.history import commits_between
from itil_gate.git.objects import LIMIT
from itil_gate.git.view import View, open_view
from itil_gate.model.config import Config
from itil_gate.model.errors import GateError, HistoryError, LogError
from itil_gate.model.facts import DiffEntry, Identity
from itil_gate.model.finding import Place
from itil_gate.reading.read import read
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.repository import Keyring, Repo

    from itil_gate.model.facts import Inputs
    from itil_gate.model.finding import Finding

MAIN = "refs/heads/main"
REQUEST = f"changes/2026/{CHG}.yaml"
NONE = "0" * 40
GONE = "9" * 40
UNREAD = "  unreviewable: {level: medium, reason: Nobody can read it.}\n"
JUDGE = ["itil-gate.yaml", "people.yaml", "policies/approvals.yaml", "policies/risk.yaml"]


@contextmanager
def seen(repo: Repo) -> Iterator[View]:
    with open_view(discover(repo.path)) as view:
        yield view


def gathered(world: World, head: str = "feature", **options: Any) -> Inputs:
    with seen(world.repo) as view:
        tips = {"base": world.repo.tip("main"), "head": world.repo.tip(head)}
        return gather(view, target=MAIN, **tips, now=NOW, **options)


def shelve(repo: Repo, files: Mapping[str, bytes]) -> None:
    """Put files on the approvals branch, whatever they hold."""
    who = b"Desk <desk@example.com> 1767603600 +0000"
    stream = b"commit refs/heads/itil-gate-approvals\ncommitter %s\ndata 1\nx\n" % who
    for path, data in files.items():
        stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data)
    repo.fast_import(stream)


def paths(inputs: Inputs) -> list[str]:
    return [one.path for one in inputs.facts.statements]


def config_of(text: str = CONFIG) -> Config:
    config = read(parse(text, file="itil-gate.yaml"), Config)
    assert isinstance(config, Config)
    return config


# The merge ----------------------------------------------------------------------------------------


def test_a_branch_from_the_tip_of_the_target_is_gathered_as_it_stands(world: World) -> None:
    base = world.repo.tip("main")
    head = world.propose()
    inputs = gathered(world)
    facts = inputs.facts
    with seen(world.repo) as view:
        diff = raw_diff(view, world.repo.tip("main^{tree}"), world.repo.tip("feature^{tree}"))
        assert inputs.judge == read_judge(view, base)
    assert (facts.now, facts.target, facts.tip, facts.merge_base) == (NOW, MAIN, base, base)
    assert (facts.head, facts.head_tree) == (head, world.repo.tip("feature^{tree}"))
    assert (facts.merged_tree, facts.conflicts) == (facts.head_tree, ())
    assert (facts.diff, facts.content) == (diff, content_digest(diff))
    assert [one.path for one in diff] == [REQUEST, "src/app.py"]
    assert [one.path for one in inputs.judge] == [*JUDGE, "services/payments.yaml"]
    (request,) = inputs.requests
    assert (request.path, request.text) == (REQUEST, request_file())
    assert request.blob == world.repo.tip(f"feature:{REQUEST}")
    assert (inputs.proposed, inputs.faults) == (None, ())
    assert (facts.statements, facts.approvals_tips, facts.target_requests) == ((), (), ())
    assert (facts.draft, facts.adopted_at, facts.external, facts.overrides) == (False, None, (), ())
    assert (facts.earlier, facts.waiver_uses, facts.history) == ((), None, None)


def test_who_made_the_commits_and_which_only_bring_the_target_in_is_told(world: World) -> None:
    world.propose()
    first = world.commit(
        {"src/app.py": "1\n"},
        by="bob",
        committer="carol",
        trailers=["Co-authored-by: Dave Drew <dave@example.com>"],
    )
    world.on_main({"docs/index.md": "# Other\n"})
    merge = world.repo.merge("main")
    tip = world.on_main({"docs/more.md": "# More\n"})
    edited = world.repo.tree(world.commit({"src/app.py": "2\n"}))
    evil = world.repo.commit_tree(edited, merge, tip)
    world.repo.branch("feature", evil)
    facts = gathered(world).facts
    by_id = {one.id: one for one in facts.commits}
    assert list(by_id) == [one.id for one in _between(world)]
    one = by_id[first]
    assert (one.author, one.committer) == (
        Identity(name="Bob Baker", email="bob@example.com"),
        Identity(name="Carol Clark", email="carol@example.com"),
    )
    assert one.co_authors == (Identity(name="Dave Drew", email="dave@example.com"),)
    assert one.parents == (world.repo.tip(f"{first}^"),)
    assert (one.signature.status, one.signature.fingerprint) == (
        *("good", world.keyring.carol.fingerprint),
    )
    assert by_id[evil].signature.status == "absent"
    assert [oid for oid, one in by_id.items() if one.update_merge] == [merge]
    assert len(by_id[evil].parents) == 2


def _between(world: World) -> Any:
    with seen(world.repo) as view:
        return commits_between(view, world.repo.tip("main"), world.repo.tip("feature"))


def test_what_a_merge_would_give_is_computed_where_the_target_moved_on(world: World) -> None:
    fork = world.repo.tip("main")
    world.propose()
    tip = world.on_main({"docs/index.md": "# Other\n"})
    facts = gathered(world).facts
    merged = world.repo.git("merge-tree", "--write-tree", "main", "feature")
    assert (facts.tip, facts.merge_base) == (tip, fork)
    assert (facts.merged_tree, facts.conflicts) == (merged, ())
    assert facts.merged_tree != facts.head_tree
    assert [one.path for one in facts.diff] == [REQUEST, "src/app.py"]


def test_a_path_that_conflicts_is_told_and_no_tree(world: World) -> None:
    world.propose({"src/app.py": "1\n", "policies/risk.yaml": RISK.replace("high", "critical")})
    world.on_main({"src/app.py": "2\n"})
    inputs = gathered(world)
    assert (inputs.facts.merged_tree, inputs.facts.conflicts) == (None, ("src/app.py",))
    # Without a merged tree the head says what is proposed.
    assert inputs.proposed is not None
    (risk,) = (one for one in inputs.proposed if one.path == "policies/risk.yaml")
    assert "critical" in risk.text


def test_a_change_that_lands_where_the_target_moved_its_file_is_told(world: World) -> None:
    lines = "".join(f"line {number}\n" for number in range(40))
    world.propose({"src/lib.py": f"{lines}more\n"})
    world.repo.checkout("main")
    world.repo.git("mv", "src/lib.py", "src/moved.py")
    world.commit(by="carol")
    facts = gathered(world).facts
    assert facts.merged_tree == world.repo.git("merge-tree", "--write-tree", "main", "feature")
    assert facts.conflicts == ("src/moved.py",)


def test_what_would_judge_after_the_merge_is_read_from_the_merged_tree(world: World) -> None:
    world.propose({"policies/risk.yaml": RISK.replace("high", "critical")})
    tip = world.on_main({"policies/approvals.yaml": APPROVALS.replace("min: 1", "min: 2")})
    inputs = gathered(world)
    assert inputs.proposed is not None
    text = {one.path: one.text for one in inputs.proposed}
    assert list(text) == [*JUDGE, "services/payments.yaml"]
    assert "critical" in text["policies/risk.yaml"]
    assert "min: 2" in text["policies/approvals.yaml"]
    with seen(world.repo) as view:
        assert inputs.judge == read_judge(view, tip)


def test_what_the_caller_says_is_sealed_with_the_rest(world: World) -> None:
    world.propose()
    said = {"zeta": b"[]", "beta": b"{}", "alpha": b"", "gamma": b"[", "delta": b"[1]"}
    facts = gathered(world, draft=True, external=said).facts
    assert facts.draft is True
    assert [one.name for one in facts.external] == sorted(said)
    assert all(one.fault for one in facts.external if one.name != "zeta")
    assert gathered(world, external={}).facts.external == ()


def test_what_cannot_be_read_of_requests_and_policies_is_told_together(world: World) -> None:
    world.propose({REQUEST: b"\xff\n", "policies/risk.yaml": b"\xfe\n"})
    inputs = gathered(world)
    assert [(one.rule, one.place and one.place.file) for one in inputs.faults] == [
        ("not-utf8", REQUEST),
        ("proposed-policy-invalid", "policies/risk.yaml"),
    ]
    assert (inputs.requests, inputs.proposed) == ((), None)


# Statements ---------------------------------------------------------------------------------------


def test_statements_about_what_is_asked_and_what_never_landed_are_read(world: World) -> None:
    settled = [f"CHG-2026-BBBB000{number}" for number in range(5)]
    again, plain = settled[0], "CHG-2026-BBBB0009"
    landed = {f"changes/2026/{one}.yaml": "x: 1\n" for one in (*settled, plain, CHG)}
    world.on_main(landed)
    world.propose({"src/app.py": "1\n", f"src/{settled[1]}.py": "1\n"})
    world.commit({f"changes/2026/{OTHER}.yaml": request_file(OTHER)})
    world.commit({f"changes/2026/{again}.yaml": "x: 2\n", f"changes/2026/{plain}.yaml": "x: 2\n"})
    back = {f"changes/2026/{one}.yaml": "x: 1\n" for one in (again, plain)}
    touching = world.commit(back)
    never = [f"CHG-2026-CCCC000{number}" for number in range(5)]
    files = {f"{one}/said": b"x" for one in (CHG, *settled, *never)}
    files |= {"vouch/this": touching.encode(), "vouch/that": GONE.encode(), "app/x": b"x"}
    shelve(world.repo, files)
    inputs = gathered(world)
    read_ones = sorted([CHG, again, *never, "app"])
    assert paths(inputs) == [
        *(f"{one}/{'x' if one == 'app' else 'said'}" for one in read_ones),
        "vouch/this",
    ]
    assert inputs.facts.target_requests == tuple(settled)
    assert inputs.facts.approvals_tips == (world.repo.tip("itil-gate-approvals"),)
    assert [one.path for one in inputs.requests] == [REQUEST, f"changes/2026/{OTHER}.yaml"]


def test_of_a_request_that_is_alone_the_statements_are_read(world: World) -> None:
    world.propose()
    shelve(world.repo, {f"{CHG}/said": b"x"})
    inputs = gathered(world)
    assert paths(inputs) == [f"{CHG}/said"]
    assert inputs.facts.target_requests == ()


def test_an_approval_is_held_against_what_is_proposed_now(world: World) -> None:
    world.propose()
    world.approve("bob")
    (approved,) = (one.approved for one in gathered(world).facts.statements)
    assert approved is not None
    facts = gathered(world).facts
    assert (approved.known, approved.content, approved.in_history) == (True, facts.content, True)
    assert approved.changed == ()


def test_overrides_are_read_that_name_the_head_its_commits_or_its_changes(world: World) -> None:
    first = world.propose()
    world.commit({"src/app.py": "2\n"})
    by = {
        "head": signed(world, "carol", changes=("CHG-2026-DDDD0000",)),
        "commit": signed(world, "carol", head=first, changes=("CHG-2026-DDDD0001",)),
        "change": signed(world, "carol", head=GONE),
        "other": signed(world, "carol", head=GONE, changes=("CHG-2026-DDDD0002",)),
    }
    shelve(world.repo, {f"override/{name}": one.data for name, one in by.items()})
    names = {one.path for one in gathered(world).facts.overrides}
    assert names == {"override/head", "override/commit", "override/change"}


def test_an_override_of_a_head_that_landed_is_still_heard(world: World) -> None:
    tip = world.repo.tip("main")
    shelve(world.repo, {"override/x": tip.encode(), "override/y": GONE.encode()})
    facts = gathered(world, "main").facts
    assert (facts.commits, facts.diff) == ((), ())
    assert [one.path for one in facts.overrides] == ["override/x"]


# The log ------------------------------------------------------------------------------------------


def test_the_log_tells_of_earlier_heads_and_of_uses_and_holds_the_policies(world: World) -> None:
    world.on_main({"itil-gate.yaml": CONFIG + LOG})
    world.propose()
    with pytest.raises(LogError) as missing:
        gathered(world)
    assert missing.value.code == "log-missing"
    books = open_books(world)
    world.propose()
    former = world.commit({"src/app.py": "2\n"})
    world.reject("carol")
    books.decide()
    world.repo.checkout("feature", create=True, at="feature~1")
    facts = gathered(world).facts
    assert facts.waiver_uses == ()
    assert facts.earlier == ()
    assert facts.earlier_elsewhere is not None
    assert [one.id for one in facts.earlier_elsewhere.commits] == [former]
    said = world.repo.tip("itil-gate-approvals")
    world.repo.git("update-ref", "-d", "refs/heads/itil-gate-approvals")
    with pytest.raises(HistoryError) as caught:
        gathered(world)
    assert caught.value.code == "approvals-rewound"
    world.repo.git("update-ref", "refs/heads/itil-gate-approvals", said)
    world.on_main({"policies/more.yaml": APPROVALS.replace("name: approvals", "name: more")})
    with pytest.raises(HistoryError) as caught:
        gathered(world)
    assert caught.value.code == "policies-unrecorded"
    assert "policies/more.yaml" in [one.path for one in gathered(world, recorded=False).judge]


# History and adoption -----------------------------------------------------------------------------

CARD = """\
apiVersion: itil-gate/v1
kind: RiskModel
metadata: {name: measured, owner: change-authority, reviewBy: 2027-01-01}
spec:
  card: change-failure
  matrix: [[0, 5, 10, 20], [5, 10, 20, 35], [10, 20, 35, 55], [10, 20, 55, 75], [35, 55, 75, 95]]
  impact: {tiers: [{tier: 1, impact: 5}]}
  bands:
    - {level: low, upTo: 24}
    - {level: medium, upTo: 49}
    - {level: high, upTo: 74}
    - {level: critical, upTo: 100}
"""


def test_one_risk_model_with_a_card_asks_what_the_record_says(world: World) -> None:
    fork = world.on_main({"policies/card.yaml": CARD})
    for number in range(3):
        fork = world.on_main({"src/app.py": f"print({number})\n"})
    longer = "".join(f"  # {number}\n" for number in range(50))
    head = world.propose({"src/app.py": "1\n", "src/new.py": "1\n" * 30}, extra=longer)
    tip = world.on_main({"src/app.py": "2\n", "docs/index.md": "# x\n"})
    facts = gathered(world).facts
    with seen(world.repo) as view:
        commits = commits_between(view, tip, head)
        given: Any = {"tip": tip, "base": fork, "head": head, "commits": commits, "now": NOW}
        expected = read_history(view, **given, diff=facts.diff, apart="changes")
        assert facts.history == expected
        assert expected.changes == 6
        judge = read_judge(view, tip)
        broken = tuple(one for one in judge if one.path != "people.yaml")
        assert _risk_models(broken) == ()
        counted = CARD.replace("  card:", "  unreviewable: {points: 1, reason: R.}\n  card:")
        world.on_main({"policies/card.yaml": counted})
        # Lines that were counted with the diff are as good as lines that are counted alone.
        again = gathered(world).facts
        assert again.contents is not None
        assert again.history is not None
        assert again.history.lines_added_percentile == expected.lines_added_percentile


def test_lines_are_counted_in_the_run_of_git_that_lists_the_diff(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.propose({"src/app.py": "1\n"})
    run: list[str] = []
    plain = View.git

    def noted(view: View, *arguments: Any, **options: Any) -> Any:
        run.append(arguments[2] if arguments[0] == "-c" else arguments[0])
        return plain(view, *arguments, **options)

    gathered(world)  # what a clone looks through once, it has looked through
    monkeypatch.setattr(View, "git", noted)
    runs = {}
    for name, risk in {"plain": f"{RISK}# as before\n", "asking": RISK + UNREAD}.items():
        world.on_main({"policies/risk.yaml": risk})
        run.clear()
        measured = gathered(world).facts.contents
        runs[name] = list(run)
    assert measured is not None
    assert runs["asking"] == runs["plain"]
    assert "diff-tree" in run


UNTIL = {"audit": "auditUntil: 2026-03-31\n", "enforce": ""}


def test_in_audit_mode_the_time_of_adoption_is_told(repo: Repo, keyring: Keyring) -> None:
    for mode, told in (("audit", True), ("enforce", False)):
        adopt(repo, keyring, config=f"{CONFIG}mode: {mode}\n{UNTIL[mode]}")
        world = World(repo, keyring)
        world.propose()
        made = datetime.fromtimestamp(int(repo.git("log", "-1", "--format=%ct", "main")), tz=UTC)
        assert gathered(world).facts.adopted_at == (made if told else None)
        repo.checkout("main", create=True, at=repo.commit_tree(repo.tree()))


def adopted(repo: Repo, tip: str, *, now: datetime = NOW) -> int | None:
    with seen(repo) as view:
        found = _adopted_at(view, tip, now=now)
    assert found is None or found.tzinfo is UTC
    return None if found is None else int(found.timestamp())


def dated(repo: Repo, date: str) -> str:
    """Return a commit that brings a configuration, with any text as its date."""
    tree = repo.commit(files={"itil-gate.yaml": CONFIG}) and repo.tree()
    lines = f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> {date} +0000\n\nx\n"
    return repo.raw_object("commit", lines.encode())


def test_it_was_adopted_when_its_first_configuration_reached_the_branch(repo: Repo) -> None:
    start = repo.commit("start")
    repo.checkout("side", create=True)
    repo.commit(files={"itil-gate.yaml": "a\n"}, when=1_000)
    repo.checkout("main")
    assert adopted(repo, start) is None
    repo.commit("other", files={"README": "x\n"}, when=1_500)
    repo.merge("side", when=2_000)
    assert adopted(repo, repo.tip("main")) == 2_000
    repo.commit(files={"itil-gate.yaml": "b\n"}, when=3_000)
    for when in (4_000, 5_000):
        repo.remove("itil-gate.yaml")
        repo.commit(when=when)
        repo.commit(files={"itil-gate.yaml": "c\n"}, when=when + 500)
    assert adopted(repo, repo.tip("main")) == 2_000


def test_a_date_of_adoption_may_be_five_minutes_ahead_and_no_more(repo: Repo) -> None:
    tip = repo.commit(files={"itil-gate.yaml": CONFIG}, when=1_700_000_000)
    made = datetime.fromtimestamp(1_700_000_000, tz=UTC)
    for ahead, told in ((0, True), (299, True), (300, True), (301, False), (-9999, True)):
        now = made - timedelta(seconds=ahead)
        assert (adopted(repo, tip, now=now) is not None) is told


@pytest.mark.parametrize("date", ["abc", "253402300800", "99999999999999999999", "9" * 15])
def test_a_date_that_is_none_is_no_time_of_adoption(repo: Repo, date: str) -> None:
    last = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
    assert adopted(repo, dated(repo, date), now=last) is None


def test_a_clone_that_ends_early_knows_no_time_of_adoption(repo: Repo) -> None:
    repo.commit(files={"itil-gate.yaml": CONFIG})
    tip = repo.commit("more")
    assert adopted(repo, tip) is not None
    (repo.git_dir / "shallow").write_text(f"{tip}\n")
    assert adopted(repo, tip) is None


# Names --------------------------------------------------------------------------------------------


def test_a_commit_is_found_by_its_name_or_is_said_to_be_nowhere(repo: Repo) -> None:
    tip = repo.commit()
    with seen(repo) as view:
        assert find_commit(view, "main") == tip
        with pytest.raises(GateError) as caught:
            find_commit(view, "nowhere")
    assert caught.value.code == "unknown-revision"
    assert "git fetch" in caught.value.hint


def test_the_fetched_copy_of_a_target_comes_before_ones_own(repo: Repo) -> None:
    first, second = repo.commit("1"), repo.commit("2")
    with seen(repo) as view:
        assert find_target_tip(view, MAIN) == second
        with pytest.raises(GateError) as caught:
            find_target_tip(view, "refs/heads/none")
        assert caught.value.code == "unknown-revision"
        assert "the target branch none is not here" in caught.value.message
    repo.git("update-ref", "refs/remotes/origin/main", first)
    repo.git("update-ref", "refs/remotes/origin/only", first)
    with seen(repo) as view:
        assert find_target_tip(view, MAIN) == first
        assert find_target_tip(view, "refs/heads/only") == first


# Requests -----------------------------------------------------------------------------------------


def entry(path: str, oid: str, *, mode: str = "100644") -> DiffEntry:
    return DiffEntry(
        old_mode="000000", new_mode=mode, old_id=NONE, new_id=oid, status="A", path=path
    )


def test_requests_are_the_regular_files_below_their_folder(repo: Repo) -> None:
    oid = repo.raw_object("blob", b"a\n")
    diff = [
        entry("changes/a.yaml", oid),
        entry("changes/b.yml", oid, mode="100755"),
        entry("changes/c.yaml", oid, mode="120000"),
        entry("changes/d.yaml", NONE, mode="000000"),
        entry("changes/README.md", oid),
        entry("src/e.yaml", oid),
    ]
    with seen(repo) as view:
        sources, faults = read_requests(view, diff, config_of())
    assert [(one.path, one.blob, one.text) for one in sources] == [
        *(("changes/a.yaml", oid, "a\n"), ("changes/b.yml", oid, "a\n")),
    ]
    assert faults == ()


def test_a_request_that_cannot_be_read_is_a_fault_and_the_rest_is_read(repo: Repo) -> None:
    small, large, full, odd = (
        repo.raw_object("blob", data)
        for data in (b"a\n", b"#" * (MAX_BYTES + 1), b"#" * MAX_BYTES, b"\xff\n")
    )
    listed = {"a": odd, "b": large, "c": small, "d": full}
    diff = [entry(f"changes/{name}.yaml", oid) for name, oid in listed.items()]
    with seen(repo) as view:
        sources, faults = read_requests(view, diff, config_of())
        assert [one.path for one in sources] == ["changes/c.yaml", "changes/d.yaml"]
        assert [(one.rule, one.place and one.place.file) for one in faults] == [
            *(("not-utf8", "changes/a.yaml"), ("invalid-request", "changes/b.yaml")),
        ]
        with pytest.raises(HistoryError) as caught:
            read_requests(view, [entry("changes/x.yaml", GONE)], config_of())
    assert caught.value.code == "object-missing"


def test_a_thousand_requests_are_judged_together_and_not_one_more(repo: Repo) -> None:
    oid = repo.raw_object("blob", b"a\n")
    diff = [entry(f"changes/{number:04}.yaml", oid) for number in range(1001)]
    with seen(repo) as view:
        sources, faults = read_requests(view, diff[:1000], config_of())
        assert (len(sources), faults) == (1000, ())
        sources, faults = read_requests(view, diff, config_of())
    assert sources == ()
    (found,) = faults
    assert (found.rule, found.place) == ("invalid-request", Place(file="changes/0000.yaml"))
    assert found.message.startswith("1,001 change requests")


# What is proposed ---------------------------------------------------------------------------------


def proposing(repo: Repo, files: Mapping[str, str | bytes], path: str) -> Any:
    """Return what is made of a tree with these files, where the diff touches one path."""
    repo.commit(files={"itil-gate.yaml": CONFIG, **files})
    with seen(repo) as view:
        diff = [entry("README", NONE), entry(path, NONE), entry("src/x", NONE)]
        return read_proposed(view, repo.tree(), diff, config_of())


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        *(("people.yaml", True), ("policies/a.yaml", True), ("policies", True)),
        *(("calendar/deep/a", True), ("policies-old/a.yaml", False), ("src/policies/a", False)),
        *(("people.yaml.bak", False), ("x/policies/", False)),
    ],
)
def test_what_judges_is_read_where_the_diff_touches_it(
    repo: Repo, path: str, *, touched: bool
) -> None:
    sources, faults = proposing(repo, {"people.yaml": "a\n"}, path)
    assert faults == ()
    if touched:
        assert [one.path for one in sources] == ["itil-gate.yaml", "people.yaml"]
    else:
        assert sources is None


def fault(repo: Repo, files: Mapping[str, str | bytes]) -> Finding:
    sources, (found,) = proposing(repo, files, "policies/a.yaml")
    assert sources is None
    assert found.rule == "proposed-policy-invalid"
    return found  # type: ignore[no-any-return]


def test_what_cannot_be_read_of_what_is_proposed_is_one_fault_at_its_place(repo: Repo) -> None:
    text = fault(repo, {"policies/a.yaml": b"a\n\xff"})
    assert (text.place and text.place.file) == "policies/a.yaml"
    large = fault(repo, {"policies/a.yaml": b"#" * (LIMIT + 1)})
    assert large.place == Place(file="itil-gate.yaml")
    assert f"has {LIMIT + 1} bytes" in large.message
    assert "1 MiB at most" in (large.remedy or "")
    capital = fault(repo, {"policies/a.yaml": "a\n", "policies/b.YAML": "a\n"})
    assert capital.place == Place(file="itil-gate.yaml")
    assert (capital.remedy or "").startswith("rename it to policies/b.yaml")
    repo.remove("policies/b.YAML")
    wrong = fault(repo, {"itil-gate.yaml": f"{CONFIG}wish: 1\n"})
    assert wrong.place is not None
    assert (wrong.place.file, wrong.place.line) == ("itil-gate.yaml", CONFIG.count("\n") + 1)
    assert "itil-gate lint" in (wrong.remedy or "")


def test_too_many_texts_are_a_fault_of_what_is_proposed(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = repo.raw_object("blob", b"#" * (1 << 20))
    for number in range(65):
        option = f"100644,{blob},policies/{number}.yaml"
        repo.git("update-index", "--add", "--cacheinfo", option)
    config = repo.raw_object("blob", CONFIG.encode())
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{config},itil-gate.yaml")
    tree = repo.git("write-tree")
    diff = [entry("policies/0.yaml", blob)]
    with seen(repo) as view:
        sources, (many,) = read_proposed(view, tree, diff, config_of())
        assert sources is None
        assert (many.rule, many.place) == ("proposed-policy-invalid", Place(file="itil-gate.yaml"))
        assert (many.remedy or "").startswith("keep files that do not judge out")
        monkeypatch.setattr(trees, "MOST_ENTRIES", 60)
        sources, (wide,) = read_proposed(view, tree, diff, config_of())
        assert sources is None
        assert (wide.rule, wide.place) == ("proposed-policy-invalid", Place(file="itil-gate.yaml"))
        assert "1 MiB at most" in (wide.remedy or "")


def test_an_object_that_is_not_here_is_no_fault_of_what_is_proposed(repo: Repo) -> None:
    config = repo.raw_object("blob", CONFIG.encode())
    folder = repo.git("mktree", "--missing", stdin=f"100644 blob {GONE}\ta.yaml\n".encode())
    listed = f"100644 blob {config}\titil-gate.yaml\n040000 tree {folder}\tpolicies\n"
    tree = repo.git("mktree", stdin=listed.encode())
    with seen(repo) as view, pytest.raises(HistoryError) as caught:
        read_proposed(view, tree, [entry("policies/a.yaml", GONE)], config_of())
    assert caught.value.code == "object-missing"
