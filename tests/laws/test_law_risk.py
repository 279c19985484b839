"""More reasons for caution never make a change look safer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from support.scenes import trials

from itil_gate.model.base import LEVELS, PolicyMetadata
from itil_gate.model.facts import HistoryFacts
from itil_gate.model.risk import (
    Band,
    BlastImpact,
    DataImpact,
    Factor,
    Floor,
    ImpactModel,
    RiskModel,
    RiskSpec,
    TierImpact,
)
from itil_gate.model.services import Service
from itil_gate.risk.classify import assess

if TYPE_CHECKING:
    from itil_gate.model.base import Level

PATHS = ("db/a.sql", "deploy/b.yaml", "src/c.py")
GLOBS = ("db/**", "deploy/**", "src/*.py", "**", "nowhere/**")
SCORES = st.integers(0, 100)
IMPACTS = st.integers(1, 5)
LEVEL = st.sampled_from(LEVELS)
CONDITION = "true"


@st.composite
def bands(draw: st.DrawFn) -> tuple[Band, ...]:
    levels = sorted(draw(st.sets(LEVEL, min_size=1)), key=LEVELS.index)
    inner = draw(st.sets(st.integers(0, 99), min_size=len(levels) - 1, max_size=len(levels) - 1))
    return tuple(
        Band(level=level, up_to=end)
        for level, end in zip(levels, [*sorted(inner), 100], strict=True)
    )


@st.composite
def matrices(draw: st.DrawFn) -> tuple[tuple[int, ...], ...]:
    """Scores that never fall along a row or down a column, as the gate demands."""
    rows: list[list[int]] = []
    for row in range(5):
        cells: list[int] = []
        for column in range(4):
            least = max([0, *cells[-1:], *([rows[row - 1][column]] if row else [])])
            cells.append(min(100, least + draw(st.integers(0, 20))))
        rows.append(cells)
    return tuple(map(tuple, rows))


def floors(name: str) -> st.SearchStrategy[Floor]:
    return st.builds(
        lambda paths, when, level: Floor(
            id=name,
            paths=tuple(paths),
            when=when if paths else CONDITION,
            level=level,
            reason="So it is.",
        ),
        st.lists(st.sampled_from(GLOBS), max_size=2),
        st.sampled_from([None, CONDITION]),
        LEVEL,
    )


def factors(name: str) -> st.SearchStrategy[Factor]:
    return st.builds(Factor, id=st.just(name), when=st.just(CONDITION), points=SCORES,
                     reason=st.just("So it is."))  # fmt: skip


@st.composite
def models(draw: st.DrawFn, name: str = "one") -> RiskModel:
    """Any model that loads: with a score or without."""
    spec: dict[str, object] = {
        "default": draw(LEVEL),
        "floors": tuple(
            draw(floors(f"floor{number}")) for number in range(draw(st.integers(0, 2)))
        ),
    }
    if draw(st.booleans()):
        spec |= {
            "bands": draw(bands()),
            "matrix": draw(matrices()),
            "impact": ImpactModel(
                tiers=tuple(TierImpact(tier=tier, impact=draw(IMPACTS)) for tier in (1, 2)),
                unknown_tier=draw(IMPACTS),
                data=(DataImpact(data_class="secret", impact=draw(IMPACTS)),),
                blast_radius=(BlastImpact(at_least=2, impact=draw(IMPACTS)),),
                irreversible=draw(st.one_of(st.none(), IMPACTS)),
            ),
            "card": draw(st.sampled_from([None, "change-failure"])),
            "factors": tuple(
                draw(factors(f"factor{number}")) for number in range(draw(st.integers(0, 2)))
            ),
        }
    return RiskModel(
        api_version="itil-gate/v1",
        kind="RiskModel",
        metadata=PolicyMetadata(name=name, owner="authority", review_by=date(2099, 1, 1)),
        spec=RiskSpec.model_validate(spec, by_name=True),
    )


HISTORIES = st.one_of(
    st.none(),
    st.builds(
        HistoryFacts,
        changes=st.integers(0, 2000),
        failures=st.integers(0, 50),
        complete=st.booleans(),
        base_ppm=st.integers(0, 10**6),
        file_ratio=st.one_of(st.none(), st.integers(0, 9000)),
        hours_since_failure=st.one_of(st.none(), st.integers(0, 9000)),
        lines_added_percentile=st.one_of(st.none(), st.integers(0, 100)),
    ),
)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, object]:
    """What a model may be asked about a change."""
    service = st.builds(
        Service,
        name=st.sampled_from(["web", "db"]),
        title=st.just("Service"),
        tier=st.sampled_from([None, 1, 2, 5]),
        data_class=st.sampled_from([None, "secret"]),
    )
    held = draw(st.frozensets(st.sampled_from(["floor0", "floor1", "factor0", "factor1", "more"])))
    return {
        "paths": draw(st.lists(st.sampled_from(PATHS), unique=True)),
        "judge_paths": draw(st.sampled_from([(), ("people.yaml",)])),
        "met": lambda _model, _kind, name: name in held,
        "services": tuple(draw(st.lists(service, max_size=2))),
        "unknown": draw(st.sampled_from([(), ("ghost",)])),
        "reached": draw(st.integers(0, 3)),
        "irreversible": draw(st.booleans()),
        "history": draw(HISTORIES),
    }


def level(declared: Level | None, model: tuple[RiskModel, ...], change: dict[str, object]) -> int:
    return LEVELS.index(assess(declared, models=model, **change).level)  # type: ignore[arg-type]


def with_more(model: RiskModel, key: str, item: object, at: int) -> RiskModel:
    """Return the model with one floor or factor more, before so many of the others."""
    old = getattr(model.spec, key)
    spec = model.spec.model_copy(update={key: (*old[:at], item, *old[at:])})
    return model.model_copy(update={"spec": spec})


@trials(200)
@given(model=models(), change=changes(), at=st.integers(0, 2), declared=st.one_of(st.none(), LEVEL),
       more=floors("more"))  # fmt: skip
def test_a_floor_more_never_lowers_the_level(
    model: RiskModel, change: dict[str, object], at: int, declared: Level | None, more: Floor
) -> None:
    before = level(declared, (model,), change)
    assert level(declared, (with_more(model, "floors", more, at),), change) >= before


@trials(200)
@given(model=models(), change=changes(), at=st.integers(0, 2), declared=st.one_of(st.none(), LEVEL),
       more=factors("more"))  # fmt: skip
def test_a_factor_more_never_lowers_the_level(
    model: RiskModel, change: dict[str, object], at: int, declared: Level | None, more: Factor
) -> None:
    before = level(declared, (model,), change)
    assert level(declared, (with_more(model, "factors", more, at),), change) >= before


@trials(150)
@given(model=models(), other=models("two"), change=changes(), declared=LEVEL)
def test_neither_a_word_nor_a_model_nor_a_path_more_lowers_the_level(
    model: RiskModel, other: RiskModel, change: dict[str, object], declared: Level
) -> None:
    before = level(None, (model,), change)
    assert level(declared, (model,), change) == max(before, LEVELS.index(declared))
    both = level(None, (model, other), change)
    assert both == level(None, (other, model), change)
    assert both == max(before, level(None, (other,), change))
    wider = change | {"paths": PATHS, "judge_paths": ("people.yaml",)}
    assert level(None, (model,), wider) >= before


@trials(150)
@given(model=models(), change=changes())
def test_what_is_not_known_never_looks_safer(model: RiskModel, change: dict[str, object]) -> None:
    """An unknown history is at least as bad as one that only ever went well."""
    quiet = HistoryFacts(
        changes=2000,
        failures=0,
        complete=True,
        base_ppm=0,
        **dict.fromkeys(("file_ratio", "dir_ratio", "area_ratio", "type_ratio"), 0),
        **dict.fromkeys(("file_failures_365", "dir_failures_90", "title_overlap_percent"), 0),
        **dict.fromkeys(("config_percent", "lines_added_percentile", "developers_percentile"), 0),
        hours_since_failure=99_999,
        first_today=False,
        author_changes_24h=99,
    )
    unknown = level(None, (model,), change | {"history": None})
    assert unknown >= level(None, (model,), change | {"history": quiet})
