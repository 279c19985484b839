"""Which landed changes failed: how reversals are worded, and what they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itil_gate.risk.outcomes import DAY, Landed, Said, failures, read_message

SHA = "0123456789abcdef0123456789abcdef01234567"
OTHER = "fedcba9876543210fedcba9876543210fedcba98"
NOW = 1_767_603_600


def history(*messages: str | tuple[str, int], ids: dict[int, str] | None = None) -> list[Landed]:
    """Changes oldest first, an hour apart or so many seconds after the first; newest first back."""
    landed = []
    for number, item in enumerate(messages):
        message, after = item if isinstance(item, tuple) else (item, number * 3_600)
        landed.append(
            Landed(
                id=(ids or {}).get(number, f"{number:040x}"),
                also="",
                at=NOW + after,
                author="alice@example.com",
                said=read_message(message),
                paths=(b"a",),
            )
        )
    return landed[::-1]


def failed(*messages: str | tuple[str, int], ids: dict[int, str] | None = None) -> set[int]:
    """The numbers, oldest first from 0, of the changes that failed."""
    return {len(messages) - 1 - place for place in failures(history(*messages, ids=ids))}


@pytest.mark.parametrize(
    "reversal",
    [
        'Revert "Widen the pool"',
        'Revert "Widen the pool"\n\nThis breaks the build.',
        'revert: "Widen the pool"',
        "revert: Widen the pool",
        'Back out "Widen the pool"',
        'Backed out "Widen the pool"',
        'Rollback "Widen the pool"',
        'Roll back "Widen the pool"',
        'Revert "Widen the pool (#12)" (#13)',
        'fix(db): revert "Widen the pool"',
        'Revert "widen the Pool"',
        'Revert "Widen the p…',
        'Revert "Widen the p..."',
        'Merge pull request #13 from o/revert-12-pool\n\nRevert "Widen the pool"',
        "Merge branch 'revert-1' into 'main'\n\nRevert \"Widen the pool\"",
        'Merge "Revert "Widen the pool"" into production',
    ],
)
def test_a_reversal_may_name_a_change_by_its_title(reversal: str) -> None:
    assert failed("Unrelated", "Widen the pool (#12)", "Another", reversal) == {1}


@pytest.mark.parametrize(
    "reversal",
    [
        f"Undo it\n\nThis reverts commit {SHA}.",
        f'Revert "something else"\n\nThis reverts commit {SHA}.',
        f'Revert "x"\n\nThis reverts commit {SHA}, reversing\nchanges made to {OTHER}.',
        f"Undo two\n\nThis reverts commits {OTHER[:9]} and {SHA[:9]}.",
        "Undo it\n\nThis reverts commit 0123456.",
        f"Make it safe again\n\nLong story.\n\nReverts {SHA}",
    ],
)
def test_a_reversal_may_name_a_change_by_its_id(reversal: str) -> None:
    assert failed("Unrelated", "Widen the pool", reversal, ids={1: SHA}) == {1}


def test_what_a_merge_goes_back_to_is_not_what_it_takes_back() -> None:
    undo = f"Undo\n\nThis reverts commit {SHA}, reversing\nchanges made to {OTHER}."
    assert failed("First", "Second", undo, ids={0: OTHER, 1: SHA}) == {1}


@pytest.mark.parametrize(
    "reversal",
    [
        'Revert "…"\n\nReverts owner/repo.name#12',
        "Revert #12",
        "Revert PR #12: it broke the build",
        "fix: Revert #4, #9 and #12",
        'Revert "Merge pull request #12 from o/pool"',
        "Merge pull request #13 from owner/revert-12-pool\n\nPut the pool back",
        'Revert "x"\n\nThis reverts merge request !12',
    ],
)
def test_a_reversal_may_name_a_change_by_its_number(reversal: str) -> None:
    landed = "Merge pull request #12 from o/pool\n\nWiden the pool"
    assert failed("Unrelated (#11)", landed, reversal) == {1}


def test_a_merge_request_is_known_by_its_number() -> None:
    landed = "Merge branch 'pool' into 'main'\n\nWiden the pool\n\nSee merge request group/db!12"
    assert failed(landed, "Revert !12") == {0}


def test_a_review_is_known_by_its_number() -> None:
    landed = "Widen\n\nDifferential Revision: https://phabricator.example.com/D12345"
    assert failed(landed, "Revert D12345: Multisect blamed it") == {0}


def test_the_commit_that_a_merge_brought_may_be_named() -> None:
    undo, change = history("Merge pull request #1 from o/b", f"Undo\n\nThis reverts commit {SHA}.")
    assert dict(failures([undo, change._replace(also=SHA)])) == {1: undo.at}


def test_the_nearest_of_several_changes_of_one_title_is_taken_back() -> None:
    assert failed("Bump", "Bump", 'Revert "Bump"') == {1}
    assert failed("Bump", "Bump", 'Revert "Bump"', 'Revert "Bump"') == {0, 1}


def test_an_id_says_more_than_a_title() -> None:
    undo = f'Revert "Bump"\n\nThis reverts commit {SHA}.'
    assert failed("Bump", "Bump", undo, ids={0: SHA}) == {0}


def test_later_changes_are_not_taken_back() -> None:
    assert failed('Revert "Bump"', "Bump") == set()


@pytest.mark.parametrize(("days", "found"), [(30, {0}), (31, set())])
def test_a_change_fails_within_thirty_days(days: int, found: set[int]) -> None:
    assert failed("Bump", ('Revert "Bump"', days * DAY)) == found


def test_a_failure_is_known_when_the_reversal_lands() -> None:
    assert dict(failures(history("Bump", 'Revert "Bump"'))) == {1: NOW + 3_600}


def test_a_reversal_dated_before_its_change_is_known_with_the_change() -> None:
    assert dict(failures(history(("Bump", 5_000), ('Revert "Bump"', 0)))) == {1: NOW + 5_000}


@pytest.mark.parametrize(
    "reversal",
    [
        'Revert "Temporarily stop the cron job"',
        'Revert "Stop the cron job"\n\nAs planned, the migration is done.',
        'Revert "Stop the cron job"\n\nThis was only temporary.',
        'Planned: revert "Stop the cron job"',
        'Revert "Depool eqiad"',
    ],
)
def test_a_planned_reversal_is_no_failure(reversal: str) -> None:
    titles = ("Temporarily stop the cron job", "Stop the cron job", "Depool eqiad")
    assert failed(*titles, reversal) == set()


def test_a_change_that_said_it_was_temporary_does_not_fail() -> None:
    undo = f"Undo\n\nThis reverts commit {SHA}."
    assert failed("Disable all notifications for db1", undo, ids={0: SHA}) == set()


@pytest.mark.parametrize(
    "reason",
    [
        "This did not go as planned.",
        "It wasn't planned, but the build broke.",
        "The unplanned outage was ours.",
        "The temporary directory filled up.",
    ],
)
def test_what_was_not_planned_is_a_failure(reason: str) -> None:
    assert failed("Bump", f'Revert "Bump"\n\n{reason}') == {0}


@pytest.mark.parametrize(
    "again",
    [
        'Revert "Revert "Bump""',
        'Reapply "Bump"',
        f'Reapply "Bump"\n\nThis reverts commit {SHA}.',
        "Reland: Bump",
        'Merge pull request #9 from o/revert-8-revert-7-bump\n\nRevert "Revert "Bump""',
    ],
)
def test_landing_a_change_again_is_a_change(again: str) -> None:
    assert failed("Bump", 'Revert "Bump"', again, ids={1: SHA}) == {0}
    assert read_message(again).reversal is None


def test_a_change_that_landed_again_may_fail_again() -> None:
    again = 'Revert "Revert "Bump""'
    assert failed("Bump", 'Revert "Bump"', again, f'Revert "{again}"') == {0, 2}
    assert failed("Bump", 'Revert "Bump"', 'Reapply "Bump"', 'Revert "Reapply "Bump""') == {0, 2}


@pytest.mark.parametrize(
    "message",
    [
        "Reverse the list",
        "Explain how to revert a change",
        "Backing outside the box",
        "Squash\n\n* Bump\n* Undo\n\nThis reverts commit 0123456.",
        "Reverts are counted now\n\nReverts of any kind.",
    ],
)
def test_a_change_that_only_speaks_of_reversals_is_a_change(message: str) -> None:
    found = read_message(message).reversal
    assert found is None or (found.ids, found.numbers, found.title) == ((), (), "")
    assert failed("Bump", message, ids={0: SHA}) == set()


@pytest.mark.parametrize(
    ("message", "title", "numbers"),
    [
        ("Widen (#12)\n\nbody", "Widen", ("12",)),
        ("Merge pull request #12 from o/b\n\nWiden", "Widen", ("12",)),
        ("Merge pull request #12 from o/b", "Merge pull request #12 from o/b", ("12",)),
        ("Merge branch 'b' into 'main'\n\nWiden\n\nSee merge request g/p!7", "Widen", ("7",)),
        ('Merge "Widen" into production', "Widen", ()),
        ("\n\n  Widen  \n", "Widen", ()),
        ("", "", ()),
    ],
)
def test_the_title_of_a_merge_is_that_of_what_was_merged(
    message: str, title: str, numbers: tuple[str, ...]
) -> None:
    assert read_message(message) == Said(title, numbers, None)


pieces = st.sampled_from(
    ["revert", "Revert ", '"', "'", " (#1)", "This reverts commit ", "0123456", "\n", "Merge ",
     "pull request #1 from a/revert-1-", "…", "Reapply ", "planned", "not ", "Reverts ", "a/b#2"]
)  # fmt: skip


@given(st.lists(st.lists(pieces | st.text(max_size=5), max_size=12).map("".join), max_size=6))
def test_no_message_makes_it_fail(messages: list[str]) -> None:
    landed = history(*messages)
    for change, known in failures(landed).items():
        assert landed[change].said.reversal is None
        assert known >= landed[change].at


def test_long_messages_are_read_in_time() -> None:
    for filler in (" ", "\n", "a/", '"', "(#1", "revert ", 'Revert "', "0123456 ", "Merge "):
        read_message(filler * 100_000)
        read_message('Revert "' + filler * 100_000)
        read_message("This reverts commit " + filler * 100_000)
