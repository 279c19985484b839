"""What a package URL must be for a release to be attested under it.

The in-toto release predicate asks for a purl that names one release: with a version, by the
purl-spec (https://github.com/package-url/purl-spec). Only its shape is looked at; whether such a
package exists is not known here.
"""

from __future__ import annotations

import re

from itil_gate.model.errors import GateError

_PURL = re.compile(
    r"pkg:(?P<type>[a-z][a-z0-9.+-]*)"
    r"(?:/[A-Za-z0-9._~%:@+!$&'()*,;=-]+)*"
    r"/(?P<name>[A-Za-z0-9._~%:+-]+)"
    r"@(?P<version>[A-Za-z0-9._~%:+-]+)"
    r"(?:\?[A-Za-z0-9._~%:/@+&=,-]+)?(?:#[A-Za-z0-9._~%:/@+-]+)?",
    re.ASCII,
)


def package_url(text: str) -> tuple[str, str]:
    """Return name and version in a package URL, as they are spelled there.

    Raises GateError `bad-purl` for what is none, or names no version.
    """
    match = _PURL.fullmatch(text)
    if match is None:
        raise GateError(
            "bad-purl",
            f"{text!r} is no package URL of one release",
            hint="write it with its version, as in pkg:npm/%40acme/shop@1.4.0 or "
            "pkg:generic/shop@1.4.0",
        )
    return match["name"], match["version"]
