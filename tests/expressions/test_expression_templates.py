"""Messages with expressions in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conditions import PLACE, Diff, bound, scene

from itil_gate.expressions.failure import PolicyError
from itil_gate.expressions.templates import Template, compile_template
from itil_gate.model.finding import Place

if TYPE_CHECKING:
    from itil_gate.expressions.environment import Environment


def template(environment: Environment, text: str, **options: Any) -> Template:
    made = compile_template(text, environment, **{"place": PLACE, **options})
    assert isinstance(made, Template), made
    return made


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing to fill in", "nothing to fill in"),
        ("", ""),
        ("by ${change.metadata.requester}", "by alice"),
        ("${diff.files} files", "3 files"),
        ("significant: ${change.spec.significant}", "significant: false"),
        ("in ${change.spec.environments}.", "in production."),
        ("${services.map(s, s.name)}", "payments-api, web"),
        ("${services.filter(s, s.tier > 9).map(s, s.name)}|", "|"),
        ("${ diff.files }${ diff.files }", "33"),
        ("${'a}b' + \"{\"}", "a}b{"),
        ("${at({'a': 'x'}, 'a', '')}}", "x}"),
        (r"${'it\'s}'}", "it's}"),
        ("a $${literal} and ${diff.files}", "a ${literal} and 3"),
        ("$$ and $ and } are themselves", "$$ and $ and } are themselves"),
        ("${has(change.spec.risk) ? change.spec.risk : 'none'}", "low"),
    ],
)
def test_a_message_is_filled_in(environment: Environment, text: str, shown: str) -> None:
    assert template(environment, text).render(bound(environment)) == shown


@pytest.mark.parametrize(
    ("text", "rule", "column"),
    [
        ("files: ${diff.fils}", "unknown-field", 15),
        ("${diff.files} and ${change.spec.risk}", "unguarded-optional", 33),
        ("${now}", "expression-type", 3),
        ("${services}", "expression-type", 3),
        ("${diff.files", "expression-syntax", 1),
        ("${}", "expression-syntax", 3),
        ("$${fine} ${'not closed}", "expression-syntax", 10),
        ("${risk.level}", "unknown-field", 3),
    ],
)
def test_a_fault_in_a_message_has_the_place_of_its_expression(
    environment: Environment, text: str, rule: str, column: int
) -> None:
    found = compile_template(
        text,
        environment,
        place=lambda offset: Place(file="f", line=1, column=offset + 1),
        sees=("change", "diff", "services", "now"),
    )
    assert isinstance(found, tuple)
    assert [(finding.rule, str(finding.place)) for finding in found] == [(rule, f"f:1:{column}")]


def test_every_faulty_expression_of_a_message_is_found(environment: Environment) -> None:
    found = compile_template("${diff.fils} ${diff.added} ${diff.ad}", environment, place=PLACE)
    assert isinstance(found, tuple)
    assert [finding.rule for finding in found] == ["unknown-field", "unknown-field"]


def test_a_message_knows_which_fields_it_reads(environment: Environment) -> None:
    made = template(environment, "${diff.files} of ${services.map(s, s.name)}, ${diff.files}")
    assert made.reads == ("diff.files", "services[].name")


def test_a_message_without_a_value_is_an_error_and_no_text(environment: Environment) -> None:
    made = template(environment, "sum ${diff.files + diff.added}")
    most = (1 << 63) - 1
    with pytest.raises(PolicyError):
        made.render(bound(environment, diff=Diff(files=most, added=most)))


@given(text=st.text(alphabet="${}'\"\\ a.", max_size=30))
def test_any_message_is_compiled_or_has_findings(environment: Environment, text: str) -> None:
    made = compile_template(text, environment, place=PLACE)
    if isinstance(made, Template):
        values = environment.bind({}, scene=scene())
        assert isinstance(made.render(values), str)
    else:
        assert made
