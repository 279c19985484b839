"""Writes the generated pages of docs anew: `python tests/cli/regenerate.py`."""

from __future__ import annotations

from pathlib import Path

from itil_gate.cli.policy_files import policy_files
from itil_gate.cli.reference import cli_reference
from itil_gate.cli.shipped import profile_files, profiles
from itil_gate.prove.setting import compiled_alone
from itil_gate.prove.suites import suites
from itil_gate.report.policy_reference import policies_reference
from itil_gate.report.profile_page import profile_page
from itil_gate.report.reference import rules_reference

DOCS = Path(__file__).resolve().parents[2] / "docs"
REFERENCE = DOCS / "reference"


def pages() -> dict[Path, str]:
    """Return every generated page with the text it has to hold."""
    return {
        REFERENCE / "rules.md": rules_reference(),
        REFERENCE / "cli.md": cli_reference(),
        REFERENCE / "policies.md": policies_reference(),
        **{DOCS / "tutorial" / f"profile-{name}.md": tutorial(name) for name in profiles()},
    }


def tutorial(profile: str) -> str:
    """Return the page of a shipped profile."""
    files = policy_files(Path(), profile)
    found, _ = suites(files.policies, config=files.config)
    return profile_page(
        profile,
        readme=profile_files(profile)[f"{profile}/README.md"],
        policies=compiled_alone(files.policies, files.config),
        tests=[written.test for written in found[-1].tests],
    )


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
