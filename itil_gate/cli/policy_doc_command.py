"""`itil-gate policy doc`: what the policies say, as a page for people."""

from __future__ import annotations

from pathlib import Path

import click

from itil_gate.cli.screen import out, repo_option, say, write_file


@click.command(epilog="Exit codes: 0 written, 2 the policies do not load.")
@click.option("--profile", help="Describe a shipped profile instead of the work tree.")
@click.option("--title", help="The page's heading.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the page to this file instead of standard output.",
)
@repo_option
def command(profile: str | None, title: str | None, output: Path | None, repo: Path) -> int:
    """Write who approves what, how risk is found and which rules hold, as Markdown.

    The page is made from the policies alone. Commit it, or let CI write it, so that nobody has to
    read YAML to know what is asked of a change.

    \b
    itil-gate policy doc --output docs/change-policy.md
    itil-gate policy doc --profile team
    """
    from itil_gate.cli.policy_files import policy_files
    from itil_gate.prove.setting import compiled_alone
    from itil_gate.report.policy_page import policy_page

    files = policy_files(repo, profile)
    heading = title or (f"The profile {profile}" if profile else "Change policies")
    page = policy_page(compiled_alone(files.policies, files.config), title=heading)
    if output is None:
        out(page)
    else:
        write_file(output, page.encode())
        say(f"wrote {output}")
    return 0
