"""A Sigstore of our own, made of other people's code (tests/peers/keyless), and what it signs.

A place keeps its keys, so that bundles can be made under a root that was written down before.
"""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.peers import installed, needed

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCES = Path(__file__).resolve().parents[1] / "peers" / "keyless"
IN_TOTO = "application/vnd.in-toto+json"
REPOSITORY = "https://github.com/acme/payments"
WORKFLOW = f"{REPOSITORY}/.github/workflows/release.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"


class Sigstore:
    """Certificate authority, both logs and time-stamps, with one trusted root."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._run("init")
        self.root = (folder / "trusted_root.json").read_text(encoding="utf-8")

    def sign(
        self,
        statement: Any,
        *,
        claims: Mapping[str, str] | None = None,
        kind: str = IN_TOTO,
        stamped: bool = False,
        version: int = 1,
    ) -> bytes:
        """Return the bundle of a statement, signed by whom the claims of a token name.

        `version` is that of Rekor; the entries of its second have no time, which a stamp has.
        """
        payload = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
        wish = {
            "name": "made.json",
            "payload": base64.b64encode(payload).decode(),
            "type": kind,
            "claims": claims_of("c" * 40) if claims is None else claims,
            "stamped": stamped,
            "version": version,
        }
        self._run("sign", json.dumps([wish]))
        return (self._folder / "made.json").read_bytes()

    def _run(self, command: str, wishes: str = "") -> None:
        program = needed(lambda: installed(SOURCES))
        done = subprocess.run(
            ["node", program / "attest.mjs", command, self._folder],
            input=wishes,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def claims_of(commit: str, **others: str) -> dict[str, str]:
    """Return what GitHub says in the token of a run of the release workflow."""
    return {
        "sub": WORKFLOW,
        "iss": ISSUER,
        "sha": commit,
        "repository": REPOSITORY.removeprefix("https://github.com/"),
        "ref": "refs/heads/main",
        "event_name": "push",
        **others,
    }


def keyless(path: str, **others: str | None) -> str:
    """Return the section `release` that lists the workflow under a trusted root."""
    terms = {
        "identity": WORKFLOW,
        "issuer": ISSUER,
        "trustedRoot": path,
        "sourceRepository": REPOSITORY,
        **others,
    }
    said = {name: value for name, value in terms.items() if value is not None}
    return f"release:\n  builders: [{{id: {json.dumps(WORKFLOW)}, keyless: {json.dumps(said)}}}]\n"


def provenance(artifact: str, commit: str, *, builder: str = WORKFLOW) -> dict[str, Any]:
    """Return a statement of SLSA provenance v1 as actions/attest-build-provenance words it."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app.tar.gz", "digest": {"sha256": artifact}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {
                    "workflow": {
                        "ref": "refs/heads/main",
                        "repository": REPOSITORY,
                        "path": ".github/workflows/release.yml",
                    }
                },
                "resolvedDependencies": [
                    {
                        "uri": f"git+{REPOSITORY}@refs/heads/main",
                        "digest": {"gitCommit": commit},
                    }
                ],
            },
            "runDetails": {"builder": {"id": builder}},
        },
    }
