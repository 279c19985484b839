"""Open the forge that a repository's configuration names; nothing is asked yet."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from itil_gate.forge.answers import TOKEN_VARIABLE
from itil_gate.forge.http import LIMITS, Client, Limits
from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from itil_gate.forge.gitlab_checks import StatusChecks
    from itil_gate.forge.protocol import Forge
    from itil_gate.model.config import ForgeSettings

KINDS = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea"}
"""The class of each kind; it stands in the module of that name."""
_EMPTY: Mapping[str, str] = MappingProxyType({})


def open_forge(
    settings: ForgeSettings,
    *,
    token: str | None,
    environment: Mapping[str, str] = _EMPTY,
    limits: Limits = LIMITS,
) -> Forge:
    """Return the forge of these settings, to be asked with this token.

    `environment` is where the proxy is named, and nothing else is taken from it. Raises ForgeError
    for a token that cannot be one, and for a project that such a forge cannot have.
    """
    _refuse_odd(token)
    if settings.kind != "gitlab" and settings.project.count("/") != 1:
        raise ForgeError(
            "forge-not-found",
            f"forge.project is {settings.project}, which {KINDS[settings.kind]} has no repository "
            "by",
            hint="write it as owner/name",
        )
    module: Any = import_module(f"itil_gate.forge.{settings.kind}")
    client = _client(module, settings, token=token, environment=environment, limits=limits)
    named: dict[str, Any] = {"host": settings.host, "project": settings.project}
    if settings.kind == "gitea":
        named["trusting"] = settings.trust_target_history
    forge: Forge = getattr(module, KINDS[settings.kind])(client, **named)
    return forge


def open_status_checks(
    settings: ForgeSettings,
    *,
    token: str | None,
    environment: Mapping[str, str] = _EMPTY,
    limits: Limits = LIMITS,
) -> StatusChecks:
    """Return the external status checks of a project on GitLab; arguments as for `open_forge`."""
    from itil_gate.forge import gitlab  # noqa: PLC0415 - only where they are answered
    from itil_gate.forge.gitlab_checks import StatusChecks  # noqa: PLC0415

    _refuse_odd(token)
    client = _client(gitlab, settings, token=token, environment=environment, limits=limits)
    return StatusChecks(client, project=settings.project)


def _refuse_odd(token: str | None) -> None:
    """Raise ForgeError for a token that cannot be one; its text is not repeated."""
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise ForgeError(
            "forge-refused",
            f"{TOKEN_VARIABLE} holds no token: it has spaces or characters that none has",
            hint="a line break at its end is the usual cause",
        )


def _client(
    module: Any,
    settings: ForgeSettings,
    *,
    token: str | None,
    environment: Mapping[str, str],
    limits: Limits,
) -> Client:
    proxy = proxy_for(settings.url, environment)
    return Client(settings.url, module.client_headers(token or None), limits, proxy)
