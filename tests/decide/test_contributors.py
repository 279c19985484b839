"""Contributors: who took part in what, how surely, and whose commits nobody answers for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.pulls import pull_request
from support.scenes import NUMBERS, STRANGER, edited

from itil_gate.decide.contributors import Contributors, find_contributors
from itil_gate.decide.roster import Roster, build_roster
from itil_gate.model.facts import (
    AccountRef,
    CommitFact,
    EarlierElsewhere,
    Identity,
    PullRequest,
    SignatureFact,
)
from itil_gate.model.people import Account
from itil_gate.policy.compile import compile_policies

if TYPE_CHECKING:
    from support.scenes import Scenes

    from itil_gate.model.facts import Facts

REPOSITORY = "example.com/acme/payments"
FIRST, SECOND = "1" * 40, "2" * 40


def mail(name: str) -> Identity:
    address = name if "@" in name else f"{name}@example.com"
    return Identity(name=name.partition("@")[0].title(), email=address)


def key_of(scenes: Scenes, name: str) -> str:
    (key,) = {
        one.fingerprint
        for one in scenes.sealed.facts.statements
        if one.approval and one.approval.signer == name
    }
    assert key is not None
    return key


def commit(
    scenes: Scenes, author: str, committer: str = "", *, signer: str = "", **more: Any
) -> CommitFact:
    """Return a commit by people, unsigned unless told whose key signed it."""
    signature = SignatureFact()
    if signer:
        signature = SignatureFact(kind="ssh", status="good", fingerprint=key_of(scenes, signer))
    (original, *_) = scenes.sealed.facts.commits
    edits = {"author": mail(author), "committer": mail(committer or author), "id": FIRST}
    return original.model_copy(update={**edits, "signature": signature, **more})


def found(scenes: Scenes, *commits: CommitFact, **facts: Any) -> Contributors:
    given: Facts = edited(
        scenes.sealed, **{"statements": (), "pull_request": None, **facts}, commits=commits
    ).facts
    return find_contributors(given, roster(scenes), repository=REPOSITORY)


def roster(scenes: Scenes) -> Roster:
    return build_roster(compile_policies(scenes.sealed.judge).people)


def parts(people: Contributors) -> dict[str, tuple[tuple[str, ...], bool]]:
    return {one.person: (one.reasons, one.proved) for one in people.people}


def test_everyone_whom_a_commit_names_took_part_but_nothing_proves_it(scenes: Scenes) -> None:
    people = found(
        scenes, commit(scenes, "alice", "bob", co_authors=(mail("carol"), mail(STRANGER)))
    )
    assert parts(people) == {
        "alice": (("author of 111111111111",), False),
        "bob": (("committer of 111111111111",), False),
        "carol": (("co-author of 111111111111",), False),
    }
    assert people.unproved == (FIRST,)
    assert people.unattributable == ()
    assert people.ids == {"alice", "bob", "carol"}
    assert people.reasons("bob") == ("committer of 111111111111",)
    assert people.reasons("erin") == ()


def test_parts_in_one_commit_are_listed_together_and_each_once(scenes: Scenes) -> None:
    first = commit(scenes, "alice", signer="alice", co_authors=(mail("alice"), mail("alice")))
    second = commit(scenes, "alice", "bob", id=SECOND)
    people = found(scenes, first, second)
    assert parts(people)["alice"] == (
        (
            "author, committer, co-author and signer of 111111111111",
            "author of 222222222222",
        ),
        True,
    )
    assert people.unproved == (SECOND,)


def test_a_good_signature_by_a_listed_key_proves_and_names_the_signer(scenes: Scenes) -> None:
    people = found(scenes, commit(scenes, "alice", signer="dave"))
    assert people.unproved == ()
    assert parts(people)["dave"] == (("signer of 111111111111",), True)
    assert parts(people)["alice"] == (("author and committer of 111111111111",), False)


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "pgp"},
        {"kind": "x509"},
        {"status": "bad"},
        {"status": "unsupported"},
        {"status": "not-verified-here"},
        {"fingerprint": "SHA256:nobody"},
        {"fingerprint": None},
    ],
)
def test_any_other_signature_proves_nothing_and_names_nobody(
    scenes: Scenes, edit: dict[str, Any]
) -> None:
    good = SignatureFact(kind="ssh", status="good", fingerprint=key_of(scenes, "dave"))
    people = found(scenes, commit(scenes, "alice", signature=good.model_copy(update=edit)))
    assert people.unproved == (FIRST,)
    assert people.ids == {"alice"}


def test_an_update_merge_adds_nobody_and_needs_no_proof(scenes: Scenes) -> None:
    merge = commit(scenes, STRANGER, update_merge=True)
    people = found(scenes, merge, commit(scenes, "alice", signer="alice", id=SECOND))
    assert people.ids == {"alice"}
    assert (people.unproved, people.unattributable) == ((), ())


def test_a_commit_of_nobody_names_the_fields_that_name_nobody(scenes: Scenes) -> None:
    both = found(scenes, commit(scenes, STRANGER))
    (one,) = both.unattributable
    assert one.message == (
        f"commit 111111111111: author Mallory <{STRANGER}> and committer Mallory <{STRANGER}> "
        "is nobody in people.yaml"
    )
    (one,) = found(scenes, commit(scenes, "alice", STRANGER)).unattributable
    assert one.message.startswith("commit 111111111111: committer Mallory ")
    (one,) = found(scenes, commit(scenes, STRANGER, "alice")).unattributable
    assert one.message.startswith("commit 111111111111: author Mallory ")
    assert " and " not in one.message
    assert one.remedy.endswith("`itil-gate vouch 111111111111`")


def test_every_commit_of_nobody_is_told(scenes: Scenes) -> None:
    people = found(scenes, commit(scenes, STRANGER), commit(scenes, STRANGER, id=SECOND))
    assert len(people.unattributable) == 2
    assert people.unproved == (FIRST, SECOND)


def test_a_vouch_answers_for_an_outsiders_commit_and_excludes_the_voucher(scenes: Scenes) -> None:
    word = scenes.vouch("erin", FIRST)
    for author, committer in ((STRANGER, STRANGER), (STRANGER, "alice"), ("alice", STRANGER)):
        people = found(scenes, commit(scenes, author, committer), statements=(word,))
        assert (people.unproved, people.unattributable) == ((), ())
        assert parts(people)["erin"] == (("voucher of 111111111111",), True)


@pytest.mark.parametrize(
    ("author", "committer", "proved"),
    [
        ("erin", "erin", True),
        ("erin", "alice", True),
        ("alice", "erin", True),
        ("alice", "bob", False),
    ],
)
def test_a_vouch_proves_ones_own_commit_and_no_third_persons(
    scenes: Scenes, author: str, committer: str, *, proved: bool
) -> None:
    people = found(
        scenes, commit(scenes, author, committer), statements=(scenes.vouch("erin", FIRST),)
    )
    assert (people.unproved == ()) is proved
    assert parts(people)["erin"][1]


def test_a_vouch_takes_no_proof_away(scenes: Scenes) -> None:
    """Erin's word about a commit in alice's name proves nothing; alice's signature does."""
    signed = commit(scenes, "alice", signer="alice")
    people = found(scenes, signed, statements=(scenes.vouch("erin", FIRST),))
    assert people.unproved == ()
    two = (scenes.vouch("erin", FIRST), scenes.vouch("alice", FIRST))
    for words in (two, two[::-1]):
        people = found(scenes, commit(scenes, "alice"), statements=words)
        assert people.unproved == ()
        assert {"alice", "erin"} <= people.ids
        assert "voucher" in people.reasons("alice")[0]
        assert "voucher" in people.reasons("erin")[0]


def test_a_vouch_counts_only_as_the_good_word_of_the_human_whose_key_it_is(
    scenes: Scenes,
) -> None:
    word = scenes.vouch("erin", FIRST)
    assert word.vouch is not None
    outside = commit(scenes, STRANGER)
    for edit in (
        {"status": "bad-signature"},
        {"fingerprint": None},
        {"fingerprint": "SHA256:nobody"},
        {"fingerprint": key_of(scenes, "bob")},
        {"vouch": None},
        {"vouch": word.vouch.model_copy(update={"signer": "bob"})},
        {"vouch": word.vouch.model_copy(update={"repository": "example.com/other"})},
        {"vouch": word.vouch.model_copy(update={"commit": SECOND})},
    ):
        bad = word.model_copy(update=edit)
        people = found(scenes, outside, statements=(bad,))
        assert (len(people.unattributable), people.unproved) == (1, (FIRST,)), edit
        assert people.ids == frozenset()
        people = found(scenes, outside, statements=(bad, word))
        assert (people.unattributable, people.unproved) == ((), ()), edit


def request(opener: str, *pushers: str) -> PullRequest:
    known = {**NUMBERS, "mallory": 7}
    accounts = [
        AccountRef(forge="github.com", id=known[name], login=name) for name in (opener, *pushers)
    ]
    return pull_request(*accounts)


def test_a_forge_that_has_not_told_of_every_push_proves_nobodys_commit(scenes: Scenes) -> None:
    told = request("bob", "carol").model_copy(update={"head_since": None})
    people = found(scenes, commit(scenes, "alice"), pull_request=told)
    assert people.unproved == (FIRST,)
    assert {"bob", "carol"} <= people.ids


def test_the_forge_proves_who_opened_and_who_pushed(scenes: Scenes) -> None:
    people = found(scenes, commit(scenes, "alice"), pull_request=request("bob", "carol", "carol"))
    assert parts(people) == {
        "alice": (("author and committer of 111111111111",), False),
        "bob": (("opened the pull request",), True),
        "carol": (("pushed to the pull request",), True),
    }
    assert people.unproved == ()


@pytest.mark.parametrize(
    ("opener", "pushers", "proved"),
    [
        ("alice", ("alice",), True),
        ("alice", (), False),
        ("mallory", ("alice",), False),
        ("alice", ("mallory",), False),
        ("alice", ("mallory", "alice"), False),
    ],
)
def test_the_forge_proves_nothing_where_it_knows_not_all_of_them(
    scenes: Scenes, opener: str, pushers: tuple[str, ...], *, proved: bool
) -> None:
    people = found(scenes, commit(scenes, "alice"), pull_request=request(opener, *pushers))
    assert (people.unproved == ()) is proved


def test_the_sponsor_of_an_agent_takes_part_as_surely_as_the_agent(scenes: Scenes) -> None:
    hinted = found(scenes, commit(scenes, "helper"))
    assert hinted.by_agent
    assert parts(hinted)["bob"] == (("sponsor of helper",), False)
    assert hinted.sponsors == {"helper": "bob"}
    vouched = found(scenes, commit(scenes, "alice"), statements=(scenes.vouch("alice", FIRST),))
    assert not vouched.by_agent
    assert vouched.sponsors == {"helper": "bob"}
    assert "bob" not in vouched.ids


def test_what_proves_an_agents_part_proves_its_sponsors(scenes: Scenes) -> None:
    people = roster(scenes).people
    account = Account(forge="github.com", login="helper", id=99)
    persons = tuple(
        one.model_copy(update={"accounts": (account,)}) if one.id == "helper" else one
        for one in people.persons
    )
    known = build_roster(people.model_copy(update={"persons": persons}))
    opener = AccountRef(forge="github.com", id=99, login="helper")
    facts = edited(scenes.sealed, pull_request=pull_request(opener), statements=()).facts
    proved = find_contributors(facts, known, repository=REPOSITORY)
    assert parts(proved)["bob"] == (("sponsor of helper",), True)


def test_a_bot_is_no_agent(scenes: Scenes) -> None:
    people = found(scenes, commit(scenes, "robo"))
    assert people.ids == {"robo"}
    assert not people.by_agent


def test_only_agents_have_somebody_who_answers_for_them(scenes: Scenes) -> None:
    people = roster(scenes).people
    edits = {"robo": {"sponsor": "bob"}, "helper": {"sponsor": None}}
    persons = tuple(one.model_copy(update=edits.get(one.id, {})) for one in people.persons)
    known = build_roster(people.model_copy(update={"persons": persons}))
    facts = edited(scenes.sealed, commits=(commit(scenes, "helper"), commit(scenes, "robo"))).facts
    found_now = find_contributors(facts, known, repository=REPOSITORY)
    assert found_now.sponsors == {}
    assert found_now.by_agent


# Commits that were recorded for the change before -------------------------------------------------


def test_who_made_what_is_rebased_took_part_and_owes_no_proof(scenes: Scenes) -> None:
    earlier = commit(scenes, "bob", "carol", id=SECOND)
    now = commit(scenes, "alice", signer="alice")
    people = found(scenes, now, earlier=(earlier,))
    assert parts(people) == {
        "alice": (("author, committer and signer of 111111111111",), True),
        "bob": (("author of 222222222222",), False),
        "carol": (("committer of 222222222222",), False),
    }
    assert (people.unproved, people.unattributable) == ((), ())


def test_who_signed_what_is_rebased_is_proved_to_have_taken_part(scenes: Scenes) -> None:
    earlier = commit(scenes, STRANGER, id=SECOND, signer="bob")
    people = found(scenes, commit(scenes, "alice", signer="alice"), earlier=(earlier,))
    assert parts(people)["bob"] == (("signer of 222222222222",), True)
    assert people.unattributable == ()


def test_an_update_merge_of_an_earlier_head_is_spared_as_well(scenes: Scenes) -> None:
    merge = commit(scenes, "bob", id=SECOND, update_merge=True)
    people = found(scenes, commit(scenes, "alice", signer="alice"), earlier=(merge,))
    assert people.ids == {"alice"}


def test_an_agent_that_made_what_is_rebased_is_still_an_agent(scenes: Scenes) -> None:
    earlier = commit(scenes, "helper", id=SECOND)
    people = found(scenes, commit(scenes, "alice", signer="alice"), earlier=(earlier,))
    assert people.by_agent
    assert people.reasons("bob") == ("sponsor of helper",)


# What was recorded under the same change id elsewhere --------------------------------------------


def test_elsewhere_only_who_is_proved_took_part(scenes: Scenes) -> None:
    named = commit(scenes, "carol", "dave", id=SECOND, co_authors=(mail("erin"),), signer="bob")
    merge = commit(scenes, "dave", id=SECOND, signer="dave", update_merge=True)
    people = roster(scenes).people
    account = Account(forge="github.com", login="erin", id=7)
    persons = tuple(
        one.model_copy(update={"accounts": (account,)}) if one.id == "erin" else one
        for one in people.persons
    )
    known = build_roster(people.model_copy(update={"persons": persons}))
    seen = [AccountRef(forge="GitHub.com", id=number, login="x") for number in (7, 8)]
    elsewhere = EarlierElsewhere(commits=(named, merge), accounts=tuple(seen))
    now = commit(scenes, "alice", signer="alice")
    facts = edited(scenes.sealed, commits=(now,), earlier_elsewhere=elsewhere).facts
    found_now = find_contributors(facts, known, repository=REPOSITORY)
    assert {name: why for name, why in parts(found_now).items() if name != "alice"} == {
        "bob": (("signer of 222222222222",), True),
        "erin": (("worked on an earlier pull request of this change",), True),
    }
    assert (found_now.unproved, found_now.strangers) == ((), ())


# Co-authors whom nobody knows ---------------------------------------------------------------------


def strange(*addresses: str, name: str = "Who") -> tuple[Identity, ...]:
    return tuple(Identity(name=name, email=one) for one in addresses)


def test_a_co_author_whom_nobody_knows_is_told_once_whichever_commit_names_them(
    scenes: Scenes,
) -> None:
    one = commit(scenes, "alice", co_authors=(mail("bob"), *strange("x@a.example", "X@A.example")))
    two = commit(scenes, "alice", id=SECOND, co_authors=strange("x@a.example", "y@a.example"))
    assert found(scenes, one).strangers == ("Who <x@a.example>",)
    assert found(scenes, one, two).strangers == ("Who <x@a.example>", "Who <y@a.example>")
    assert found(scenes, one, earlier=(two,)).strangers == found(scenes, one, two).strangers
    assert found(scenes, commit(scenes, "alice", co_authors=(mail("bob"),))).strangers == ()


def test_of_strangers_twenty_are_told_with_two_hundred_letters_each(scenes: Scenes) -> None:
    many = strange(*(f"x{number}@a.example" for number in range(25)), name="N" * 250)
    told = found(scenes, commit(scenes, "alice", co_authors=many)).strangers
    assert len(told) == 20
    assert {len(one) for one in told} == {200}
