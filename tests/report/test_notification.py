"""Where people read a pull request, as far as the address of the API tells."""

from __future__ import annotations

import pytest

from itil_gate.model.config import ForgeSettings
from itil_gate.report.notification import pull_url


@pytest.mark.parametrize(
    ("kind", "url", "project", "page"),
    [
        ("github", "https://api.github.com", "acme/pay", "https://github.com/acme/pay/pull/7"),
        ("github", "https://ghe.x/api/v3", "acme/pay", "https://ghe.x/acme/pay/pull/7"),
        ("github", "https://ghe.x/other", "acme/pay", None),
        ("gitlab", "https://gl.x/api/v4", "a/b/pay", "https://gl.x/a/b/pay/-/merge_requests/7"),
        ("gitlab", "https://gl.x/api/v4", "1234", None),
        ("gitea", "https://g.x/git/api/v1", "acme/pay", "https://g.x/git/acme/pay/pulls/7"),
    ],
)
def test_the_page_is_named_only_where_the_address_tells_it(
    kind: str, url: str, project: str, page: str | None
) -> None:
    settings = ForgeSettings.model_validate(
        {"kind": kind, "url": url, "host": "forge.test", "project": project}
    )
    assert pull_url(settings, 7) == page
