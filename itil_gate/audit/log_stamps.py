"""Verify the time-stamps of a log, on its branch or exported, under the roots that are pinned.

A stamp that does not hold under them is bad: somebody put it there, or an authority was taken out
of the file of roots, which has to keep those that stamped once. Without roots, none is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.log.verdict import Check
from itil_gate.model.errors import GateError
from itil_gate.release.timestamping import FOLDER, stamp_path, stamp_sizes, verify_stamps

if TYPE_CHECKING:
    from itil_gate.log.verdict import Verdict
    from itil_gate.log.verify import Files, Seen

STAMPS = "timestamps"


def verdict_of_stamps(files: Files, seen: Seen | None, roots: bytes | None) -> Verdict:
    """Return what came of the time-stamps among the files of a log.

    `seen` holds its head, None where none is believed; `roots` are certificates in PEM, None where
    nobody named any. Raises GateError `roots-unreadable`.
    """
    check = Check(STAMPS, "time-stamps")
    if seen is None:
        check.skip("no checkpoint is believed")
        return check.verdict()
    sizes = stamp_sizes(path.removeprefix(f"{FOLDER}/") for path in files.walk(FOLDER))
    if roots is None:
        if sizes:
            check.skip(
                f"there are {len(sizes)}, and no authority is pinned: log.timestampRoots in "
                "itil-gate.yaml, or --roots"
            )
        return check.verdict()
    try:
        stamps = verify_stamps(
            sizes, seen.checkpoint, lambda path: files.read_many([path])[path], roots=roots
        )
    except GateError as error:
        if error.code != "extra-missing":
            raise
        check.skip(f"{error.message}; {error.hint}")
        return check.verdict()
    for one in stamps:
        check.looked += 1
        if one.fault:
            check.fault(one.fault, path=stamp_path(one.size))
    dated = [one for one in stamps if one.moment is not None]
    if dated and dated[-1].moment is not None:
        last = dated[-1]
        check.detail = f"{last.size} entries were there by {last.moment:%Y-%m-%dT%H:%M:%SZ}"
    return check.verdict()
