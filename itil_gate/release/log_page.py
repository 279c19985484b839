"""The two files on the audit log's branch that are for people and for git.

Whoever comes to the branch by a forge's web page finds out there what it is and how to check it
without this program.
"""

from __future__ import annotations

GIT_ATTRIBUTES = """\
* -text
tile/** binary
entry/** linguist-generated
"""


def log_page(origin: str, repository: str) -> str:
    """Return the README of the branch."""
    return f"""\
# Audit log of {repository}

This branch is a transparency log: what the change-management gate of `{repository}` decided and
what was released, in order, signed, and provable with other people's tools. It is written by
`itil-gate`; nothing here is edited, and nobody commits by hand. Protect the branch against force
pushes and deletion.

| path | what it is |
| --- | --- |
| `checkpoint` | size and root of the log, signed under the name `{origin}` |
| `tile/` | hashes and leaves |
| `entry/` | in-toto Statements in DSSE envelopes, named by their index |
| `ids/` | which events are in the log, so that none is added twice |

The formats are [signed-note](https://c2sp.org/signed-note),
[tlog-checkpoint](https://c2sp.org/tlog-checkpoint), [tlog-tiles](https://c2sp.org/tlog-tiles),
[in-toto Statement v1](https://in-toto.io/Statement/v1) and
[DSSE](https://github.com/secure-systems-lab/dsse).

A leaf of the log is `{{"sha256":"…","t":"…"}}`: digest of the entry's file, and its kind.

    itil-gate log show            # the entries
    itil-gate log verify          # every signature, every hash
    itil-gate log prove 17        # a receipt that anybody can check offline
    itil-gate log export --dir d  # plain files for other tools, such as tessera's fsck

The public keys stand under `log.keys` in `itil-gate.yaml` on the target branch.
"""
