"""Read the judge's data as git objects from one tree, never from a work tree.

A symbolic link or submodule in their place is refused, so is a text that is not UTF-8, and a
file that only its ending in capitals keeps from being read: what is read must be what the tree
holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.git.objects import LIMIT
from itil_gate.git.tree import ls_tree
from itil_gate.model.config import CONFIG_PATH, Config
from itil_gate.model.errors import ConfigError, HistoryError
from itil_gate.model.policy import Source
from itil_gate.policy.compile import read_config
from itil_gate.policy.places import YAML, judge_prefixes, trust_files
from itil_gate.reading.yaml import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from itil_gate.git.tree import TreeEntry
    from itil_gate.git.view import View

TEXTS = (*YAML, ".ics")
MOST_TEXTS = 20_000
MOST_BYTES = 64 * 1024 * 1024


def read_judge(view: View, treeish: str) -> tuple[Source, ...]:
    """Return every text of the judge's data in a tree, sorted by path.

    Raises ConfigError `not-adopted` without a configuration, `irregular-file` for a link or an
    ending in capitals, `too-many-texts`, SourceError for a text that cannot be decoded, and
    HistoryError for one that is not in the repository.
    """
    found = read_sources(view, ls_tree(view, treeish, [CONFIG_PATH]))
    config = read_config({source.path: source for source in found})
    entries = tuple(ls_tree(view, treeish, judge_prefixes(config)))
    for entry in entries:
        if entry.path.lower().endswith(TEXTS) and not entry.path.endswith(TEXTS):
            raise ConfigError(
                "irregular-file",
                f"{entry.path} would not be read: endings are written small",
                hint=f"rename it to {_small_ending(entry.path)}, or move it out of the folder",
            )
    ours = [entry for entry in entries if not entry.is_file or _is_ours(entry.path, config)]
    _refuse_flood(view, ours)
    return read_sources(view, ours)


def _refuse_flood(view: View, entries: Sequence[TreeEntry]) -> None:
    """Refuse more texts than anybody judges by, before one of them is read."""
    sizes = [info.size if info else 0 for info in view.reader.info(one.oid for one in entries)]
    if len(entries) > MOST_TEXTS or sum(sizes) > MOST_BYTES:
        raise ConfigError(
            "too-many-texts",
            f"the judge's data are {len(entries):,} files of {sum(sizes):,} bytes; at most "
            f"{MOST_TEXTS:,} files of {MOST_BYTES:,} bytes are read",
            hint="keep files that do not judge out of these folders",
        )


def read_sources(
    view: View, entries: Iterable[TreeEntry], *, limit: int = LIMIT
) -> tuple[Source, ...]:
    """Return the texts of regular files, sorted by path; see `read_judge` for the errors.

    None may have more than `limit` bytes.
    """
    entries = tuple(entries)
    for entry in entries:
        if not entry.is_file:
            raise ConfigError(
                "irregular-file",
                f"{entry.path} is a link or a submodule where the judge's data should be",
                hint="store it as a regular file",
            )
    objects = view.read_many([entry.oid for entry in entries], limit=limit)
    try:
        sources = [
            Source(path=entry.path, blob=entry.oid, text=decode(thing.data, file=entry.path))
            for entry, thing in zip(entries, objects, strict=True)
        ]
    except HistoryError as error:
        # Objects are read many at a time; the error says by id which one it is.
        at = next((f"{entry.path}: " for entry in entries if entry.oid in error.message), "")
        raise HistoryError(error.code, f"{at}{error.message}", hint=error.hint) from error
    return tuple(sorted(sources, key=lambda source: source.path))


def _small_ending(path: str) -> str:
    stem, dot, ending = path.rpartition(".")
    return f"{stem}{dot}{ending.lower()}"


def _is_ours(path: str, config: Config) -> bool:
    return path.endswith(TEXTS) or path == config.extensions or path in trust_files(config)
