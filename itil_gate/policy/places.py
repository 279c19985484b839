"""Which paths hold the judge's data. One answer for reading them and for guarding them."""

from __future__ import annotations

from itil_gate.model.config import ALWAYS_GOVERNED, CONFIG_PATH, Config
from itil_gate.reading.globs import compile_globs

YAML = (".yaml", ".yml")


def judge_prefixes(config: Config) -> tuple[str, ...]:
    """Return the files and folders that hold the judge's data, configuration first."""
    places = config.locations
    extra = (config.extensions,) if config.extensions else ()
    return (
        CONFIG_PATH,
        places.people,
        places.services,
        places.catalog,
        places.calendar,
        places.policies,
        *extra,
        *trust_files(config),
    )


def trust_files(config: Config) -> tuple[str, ...]:
    """Return the files that say which strangers are believed: trusted roots and certificates."""
    roots = [one.keyless.trusted_root for one in config.release.builders if one.keyless]
    stamps = config.log.timestamp_roots if config.log else None
    return tuple(dict.fromkeys([*roots, *([stamps] if stamps else [])]))


def is_judge_path(config: Config, path: str) -> bool:
    """Tell whether a path belongs to the judge's data or to what runs the gate."""
    if any(_below(path, prefix) for prefix in judge_prefixes(config)):
        return True
    return compile_globs(ALWAYS_GOVERNED)(path)


def is_request_path(config: Config, path: str) -> bool:
    """Tell whether a path is that of a change request."""
    return _below(path, config.locations.changes) and path.endswith(YAML)


def is_policy_test(path: str, *, folder: str) -> bool:
    """Tell whether a file is a policy test: in a folder `tests` of the policies' own `folder`.

    Such a file decides nothing. Elsewhere the name means nothing: a calendar kept below `tests/`
    is in force.
    """
    inside = path.removeprefix(f"{folder}/")
    return inside != path and "tests" in inside.split("/")[:-1]


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
