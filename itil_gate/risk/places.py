"""Places a change touches: folder, top-level area and type of each file, and what is configuration.

Paths are git's bytes; nothing is read but their spelling.
"""

from __future__ import annotations

import re
from typing import NamedTuple

DEPTH = 3
"""How many levels of folders tell one folder from another."""

CONFIGURATION = frozenset(
    b"yaml yml json toml ini cfg conf cnf config properties env xml plist hcl tfvars erb epp j2"
    b" tmpl tpl service timer list vcl".split()
)
"""Extensions of files that say how something else is run."""

_CI_FILES = frozenset([b".travis.yml", b".gitlab-ci.yml", b"azure-pipelines.yml", b"appveyor.yml"])
_CI_FOLDERS = frozenset([b".github", b".gitlab", b".circleci", b"jenkins", b".buildkite"])
_TESTS_AND_DOCS = frozenset([b"test", b"tests", b"testing", b"testdata", b"doc", b"docs"])


class Place(NamedTuple):
    """Where a file is: its folder to three levels, its top-level folder, its extension."""

    folder: bytes
    area: bytes
    type: bytes


def place_of(path: bytes) -> Place:
    """Return the place of a file; a file at the top is in the folder and area of no name."""
    *folders, name = path.split(b"/")
    return Place(
        folder=b"/".join(folders[:DEPTH]),
        area=folders[0] if folders else b"",
        type=name.rpartition(b".")[2] if b"." in name else b"",
    )


def is_configuration(path: bytes) -> bool:
    """Whether a file configures what runs; tests, documents and build pipelines do not."""
    *folders, name = path.lower().split(b"/")
    if name in _CI_FILES or not _CI_FOLDERS.isdisjoint(folders):
        return False
    if not _TESTS_AND_DOCS.isdisjoint(folders) or b"test" in re.split(rb"[-_.]", name):
        return False
    return b"." in name and name.rpartition(b".")[2] in CONFIGURATION
