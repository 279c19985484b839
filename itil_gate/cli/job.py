"""The job of GitLab CI that a command runs in, if it does: whose job it is, and who may write it.

A token of the forge is for the job's own project; a configuration that names another one may have
been pushed by anybody. A pipeline of a merge request can be edited by the merge request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.errors import ConfigError, GateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from itil_gate.model.config import ForgeSettings

_API = "/api/v4"


def jobs_forge(environment: Mapping[str, str]) -> ForgeSettings | None:
    """Return the project whose job this is; None outside of GitLab CI. Raises GateError."""
    from itil_gate.model.config import ForgeSettings

    if not _in_a_job(environment):
        return None
    server = environment.get("CI_SERVER_URL", "").rstrip("/")
    said = {
        "kind": "gitlab",
        "url": server + _API,
        "host": environment.get("CI_SERVER_HOST") or server.partition("://")[2],
        "project": environment.get("CI_PROJECT_PATH", ""),
    }
    try:
        return ForgeSettings.model_validate(said)
    except ValueError as error:
        raise GateError(
            "no-forge",
            "CI_SERVER_URL and CI_PROJECT_PATH do not say whose job this is",
            hint="GitLab sets both in every job",
        ) from error


def refuse_elsewhere(settings: ForgeSettings, environment: Mapping[str, str]) -> None:
    """Raise ConfigError `forge-differs` where a job's token would leave for another project."""
    ours = jobs_forge(environment)
    if ours is None:
        return
    projects = {ours.project.lower(), environment.get("CI_PROJECT_ID", "")} - {""}
    if (
        settings.kind != ours.kind
        or settings.url.lower() != ours.url.lower()
        or settings.project.lower() not in projects
    ):
        raise ConfigError(
            "forge-differs",
            f"itil-gate.yaml names the forge {settings.project} at {settings.url}, and this job is "
            f"of {ours.project} at {ours.url}",
            hint="the token of a job is for its own project; correct `forge:` on the branch that "
            "was read",
        )


def refuse_within_reach(environment: Mapping[str, str]) -> None:
    """Raise GateError `token-within-reach` in a pipeline that others than the project can write.

    A token that posts the gate's answer, there, could post any answer.
    """
    if not _in_a_job(environment):
        return
    branch, home = environment.get("CI_COMMIT_BRANCH"), environment.get("CI_DEFAULT_BRANCH")
    if branch and branch == home and environment.get("CI_COMMIT_REF_PROTECTED") == "true":
        return
    raise GateError(
        "token-within-reach",
        "this pipeline is not one of the protected default branch, so what it runs, and what it "
        "does with the token, may come from a merge request",
        hint="post from a scheduled or triggered pipeline of the default branch, with the token in "
        "a protected variable (docs/how-to/gitlab.md); and replace this token",
    )


def home_of(environment: Mapping[str, str]) -> str | None:
    """Return the full ref of the project's default branch as the job tells it."""
    name = environment.get("CI_DEFAULT_BRANCH", "") if _in_a_job(environment) else ""
    return f"refs/heads/{name}" if name else None


def page_of(environment: Mapping[str, str]) -> str | None:
    """Return the address under which people see this job."""
    return (environment.get("CI_JOB_URL") or None) if _in_a_job(environment) else None


def _in_a_job(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("CI_SERVER_URL") or environment.get("CI_API_V4_URL"))
