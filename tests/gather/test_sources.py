"""Which texts of a tree are the judge's data, and what stands in their place and is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.books import LOG

from itil_gate.gather.sources import _refuse_flood, read_judge, read_sources
from itil_gate.git.discover import discover
from itil_gate.git.tree import TreeEntry, ls_tree
from itil_gate.git.view import open_view
from itil_gate.model.errors import ConfigError, GateError, HistoryError, SourceError
from itil_gate.model.policy import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.repository import Repo

    from itil_gate.git.view import View

CONFIG = """\
apiVersion: itil-gate/v1
kind: Config
repository: example.com/acme/payments
extensions: policies/fields.json
"""
MEBIBYTE = 1_048_576
NOWHERE = "9" * 40


@pytest.fixture
def view(repo: Repo) -> Iterator[View]:
    """A view of the repository."""
    with open_view(discover(repo.path)) as opened:
        yield opened


def refusal(view: View, treeish: str) -> GateError:
    with pytest.raises(GateError) as caught:
        read_judge(view, treeish)
    return caught.value


def test_the_texts_of_the_judges_folders_are_read_as_the_tree_holds_them(
    repo: Repo, view: View
) -> None:
    judge = {
        "calendar/end.ics": "BEGIN:VCALENDAR\n",
        "itil-gate.yaml": CONFIG,
        "people.yaml": "é\n",
        "policies/deep/down/b.yml": "b\n",
        "policies/fields.json": "{}\n",
        "services/a.yaml": "a\n",
    }
    beside = {
        "policies/README.md": "# No judge\n",
        "policies/other.json": "{}\n",
        "src/a.yaml": "a\n",
        "yaml": "no folder\n",
    }
    commit = repo.commit(files=judge | beside)
    blobs = {entry.path: entry.oid for entry in ls_tree(view, commit)}
    repo.write("people.yaml", "what is in the work tree is not read\n")
    assert read_judge(view, commit) == tuple(
        Source(path=path, blob=blobs[path], text=text) for path, text in sorted(judge.items())
    )


def test_a_file_of_trusted_certificates_is_read_whatever_its_ending(repo: Repo, view: View) -> None:
    config = f"{CONFIG}{LOG}  timestampRoots: trust/roots.pem\n"
    files = {"itil-gate.yaml": config, "trust/roots.pem": "roots\n", "trust/other.pem": "a\n"}
    found = read_judge(view, repo.commit(files=files))
    assert [one.path for one in found] == ["itil-gate.yaml", "trust/roots.pem"]


def test_without_a_configuration_nothing_judges(repo: Repo, view: View) -> None:
    commit = repo.commit(files={"people.yaml": "a\n", "policies/itil-gate.yaml": CONFIG})
    error = refusal(view, commit)
    assert isinstance(error, ConfigError)
    assert error.code == "not-adopted"


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("policies/more.YAML", "policies/more.yaml"),
        ("policies/a.B.Yml", "policies/a.B.yml"),
        ("calendar/END.ICS", "calendar/END.ics"),
    ],
)
def test_an_ending_in_capitals_is_refused_with_the_name_that_would_be_read(
    repo: Repo, view: View, path: str, right: str
) -> None:
    error = refusal(view, repo.commit(files={"itil-gate.yaml": CONFIG, path: "a\n"}))
    assert error.code == "irregular-file"
    assert error.message.startswith(f"{path} would not be read")
    assert f"rename it to {right}," in error.hint


@pytest.mark.parametrize("mode", ["120000", "160000"])
@pytest.mark.parametrize("path", ["policies/notes", "policies/more.yaml", "itil-gate.yaml"])
def test_a_link_or_submodule_among_the_judges_data_is_refused_whatever_its_name(
    repo: Repo, view: View, path: str, mode: str
) -> None:
    repo.commit(files={"itil-gate.yaml": CONFIG, "aim": "aim"})
    oid = repo.git("rev-parse", "HEAD" if mode == "160000" else "HEAD:aim")
    repo.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}")
    error = refusal(view, repo.git("write-tree"))
    assert isinstance(error, ConfigError)
    assert error.code == "irregular-file"
    assert error.message.startswith(f"{path} is a link or a submodule")
    assert "regular file" in error.hint


def test_twenty_thousand_texts_judge_and_not_one_more(repo: Repo, view: View) -> None:
    text = repo.raw_object("blob", b"a\n")
    entries = [TreeEntry(mode="100644", oid=text, path=f"policies/{at}") for at in range(20_001)]
    _refuse_flood(view, entries[1:])
    with pytest.raises(ConfigError) as caught:
        _refuse_flood(view, entries)
    assert caught.value.code == "too-many-texts"
    assert "the judge's data are 20,001 files of 40,002 bytes" in caught.value.message


def test_sixty_four_mebibytes_judge_and_not_one_byte_more(repo: Repo, view: View) -> None:
    large = repo.raw_object("blob", b"#" * MEBIBYTE)
    one = repo.raw_object("blob", b"#")
    entries = [TreeEntry(mode="100644", oid=large, path=f"policies/{at}") for at in range(64)]
    missing = TreeEntry(mode="100644", oid=NOWHERE, path="policies/missing")
    _refuse_flood(view, [*entries, missing])
    with pytest.raises(ConfigError) as caught:
        _refuse_flood(view, [*entries, TreeEntry(mode="100644", oid=one, path="policies/one")])
    assert caught.value.code == "too-many-texts"
    assert "65 files of 67,108,865 bytes" in caught.value.message


def test_a_flood_is_refused_before_a_text_of_it_is_read(repo: Repo, view: View) -> None:
    config = repo.raw_object("blob", CONFIG.encode())
    large = repo.raw_object("blob", b"\xff" * MEBIBYTE)
    listed = "".join(f"100644 blob {large}\t{at}.yaml\n" for at in range(64))
    folder = repo.git("mktree", stdin=listed.encode())
    root = f"100644 blob {config}\titil-gate.yaml\n040000 tree {folder}\tpolicies\n"
    error = refusal(view, repo.git("mktree", stdin=root.encode()))
    assert isinstance(error, ConfigError)
    assert error.code == "too-many-texts"
    assert "at most 20,000 files of 67,108,864 bytes" in error.message
    assert error.hint


def test_a_text_that_is_missing_is_named_by_its_path(repo: Repo, view: View) -> None:
    commit = repo.commit(files={"itil-gate.yaml": CONFIG, "policies/a.yaml": "a\n"})
    entries = [
        *ls_tree(view, commit),
        TreeEntry(mode="100644", oid=NOWHERE, path="policies/gone.yaml"),
    ]
    with pytest.raises(HistoryError) as caught:
        read_sources(view, entries)
    assert caught.value.code == "object-missing"
    assert caught.value.message.startswith(f"policies/gone.yaml: object {NOWHERE} is not")
    assert f"git fetch origin {NOWHERE}" in caught.value.hint


def test_a_text_may_have_as_many_bytes_as_are_asked_for_and_no_more(repo: Repo, view: View) -> None:
    entries = ls_tree(view, repo.commit(files={"b": "12345", "a": "1234"}))
    assert [one.text for one in read_sources(view, entries, limit=5)] == ["1234", "12345"]
    with pytest.raises(HistoryError) as caught:
        read_sources(view, entries, limit=4)
    assert caught.value.code == "object-too-large"
    assert caught.value.message.startswith("b: ")


def test_the_texts_are_sorted_by_path_however_they_are_listed(repo: Repo, view: View) -> None:
    entries = ls_tree(view, repo.commit(files={"c": "3", "a": "1", "b": "2"}))
    for listed in (entries, entries[::-1], iter(entries)):
        found = read_sources(view, listed)
        assert [(one.path, one.text) for one in found] == [("a", "1"), ("b", "2"), ("c", "3")]


def test_a_text_that_is_no_utf_8_is_refused_with_its_path(repo: Repo, view: View) -> None:
    commit = repo.commit(files={"itil-gate.yaml": CONFIG, "policies/a.yaml": b"a: \xff\n"})
    with pytest.raises(SourceError) as caught:
        read_judge(view, commit)
    assert caught.value.code == "not-utf8"
    assert caught.value.place is not None
    assert caught.value.place.file == "policies/a.yaml"


def test_what_goes_wrong_with_no_one_text_names_none(repo: Repo, view: View) -> None:
    entries = ls_tree(view, repo.commit(files={"a": "1"}))
    view.read(entries[0].oid)
    process = view.reader._process
    assert process is not None
    process.kill()
    process.wait()
    with pytest.raises(HistoryError) as caught:
        read_sources(view, entries)
    assert caught.value.code == "git-failed"
    assert caught.value.message.startswith("git cat-file ended early")
