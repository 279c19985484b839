"""Where a file is, and whether it is configuration."""

from __future__ import annotations

import pytest

from itil_gate.risk.places import Place, is_configuration, place_of


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (b"a/b/c/d/e.py", Place(b"a/b/c", b"a", b"py")),
        (b"a/e.tar.gz", Place(b"a", b"a", b"gz")),
        (b"Makefile", Place(b"", b"", b"")),
        (b".gitignore", Place(b"", b"", b"gitignore")),
        (b"a/\xff.py", Place(b"a", b"a", b"py")),
    ],
)
def test_a_file_has_a_folder_an_area_and_a_type(path: bytes, place: Place) -> None:
    assert place_of(path) == place


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (b"deploy/values.yaml", True),
        (b"deploy/VALUES.YML", True),
        (b"main.tf", False),
        (b"prod.tfvars", True),
        (b"app.env", True),
        (b"src/app.py", False),
        (b"yaml", False),
        (b"tests/values.yaml", False),
        (b"hiera/idp_test.yaml", False),
        (b"docs/conf.json", False),
        (b".github/workflows/ci.yml", False),
        (b".travis.yml", False),
        (b"contest/values.yaml", True),
    ],
)
def test_configuration_is_told_by_its_extension_and_place(path: bytes, *, found: bool) -> None:
    assert is_configuration(path) is found
