"""Which budgets apply, under which keys, and what an attempt can cost at worst."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.chat import Usage
from tollhouse.dataplane.engine.budgets import BudgetIndex, CompiledBudget, Facts, Worst
from tollhouse.dataplane.engine.pricing import cost
from tollhouse.proto.catalog import PriceTable, Rates
from tollhouse.proto.resources import Budget, Stop

PRICE = PriceTable(Rates(3_000_000_000, 15_000_000_000, 300_000_000, 3_750_000_000, 6_000_000_000))
FACTS = Facts(
    consumer="coder",
    caller="coder",
    groups=("search", "company"),
    models=("claude-sonnet-4-5", "smart"),
    providers=("our-anthropic", "anthropic"),
    route="r1",
    session="s-1",
    tags={"project": "alpha"},
)


def compiled(budget_id: str = "b", **fields: Any) -> CompiledBudget:
    document = {"unit": "usd", "amount": 1, "window": "day", **fields}
    return CompiledBudget(budget_id, Budget.model_validate_json(json.dumps(document)))


def keys(**scope: str) -> list[str]:
    return compiled(scope=scope).keys(FACTS)


def test_scopes_that_fit_and_do_not() -> None:
    """All dimensions must fit; a value has one key, ``each`` one per value."""
    assert keys() == ["b"]
    assert keys(consumer="coder") == ["b"]
    assert keys(consumer="other") == []
    assert keys(consumer="each", model="each") == ["b|consumer=coder|model=claude-sonnet-4-5"]
    assert keys(model="smart") == ["b"]
    assert keys(provider="anthropic", route="r1") == ["b"]
    assert keys(provider="openai") == []
    assert keys(tag="project=alpha") == ["b"]
    assert keys(tag="project=each", session="each") == ["b|session=s-1|tag=project=alpha"]
    assert keys(tag="other=each") == []


def test_a_group_counts_with_all_above_it() -> None:
    """A budget of the organisation holds for its teams; ``each`` gives team and organisation one each."""
    assert keys(consumer_group="company") == ["b"]
    assert keys(consumer_group="each") == ["b|consumer_group=search", "b|consumer_group=company"]


def test_long_values_from_clients_are_hashed() -> None:
    """Keys stay short and cannot be forged with the separator."""
    facts = Facts("", "10.0.0.1", (), ("m",), ("p",), "r", "x" * 4000, {})
    (key,) = compiled(scope={"session": "each"}).keys(facts)
    assert len(key) < 80


def test_the_index_asks_only_budgets_that_may_apply() -> None:
    """A budget of another consumer costs nothing, a circle of groups ends."""
    budgets = {
        name: compiled(name, scope=scope)
        for name, scope in {
            "mine": {"consumer": "coder"},
            "theirs": {"consumer": "other"},
            "org": {"consumer_group": "company"},
            "all": {},
        }.items()
    }
    index = BudgetIndex(budgets, {"search": "company", "company": "search"}, {})
    groups = index.groups("search")
    assert groups == ("search", "company")
    assert {one.id for one in index.may_apply("coder", groups)} == {"mine", "org", "all"}


def test_totals_of_sessions_do_not_pile_up() -> None:
    """Sessions are made up anew all the time; other totals are kept for good."""
    forever, session = compiled(window="total"), compiled(window="total", scope={"session": "each"})
    assert forever.expires(forever.span(1000.0), 1000.0) == 0
    assert session.expires(session.span(1000.0), 1000.0) == 1000 + 30 * 86400


def test_stops_by_consumer_group_and_everyone() -> None:
    """The reason is told; a group's stop holds for the groups below it."""
    stops = {"a": Stop(consumer="coder", desc="loops"), "b": Stop(consumer_group="company")}
    index = BudgetIndex({}, {}, stops)
    assert index.stops.reason("coder", ()) == "The consumer 'coder' is stopped: loops."
    assert index.stops.reason("x", ("search", "company")) == "The consumer group 'company' is stopped."
    assert index.stops.reason("x", ()) is None
    assert BudgetIndex({}, {}, {"c": Stop(everyone=True)}).stops.reason("", ()) is not None


TOKENS = st.integers(0, 2_000_000)


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)
def test_the_worst_case_is_never_passed(
    read: int, cached: int, written: int, hour: int, out: int, a: int, b: int
) -> None:
    """However the tokens are split over kinds, the true cost stays within the reservation."""
    total = read + cached + written + hour
    usage = Usage(total, cached, written, hour, out)
    worst = Worst(total + a, out + b, PRICE)
    for fields in ({}, {"unit": "tokens"}, {"unit": "tokens", "count": "output"}, {"unit": "requests"}):
        budget = compiled(**fields)
        assert budget.spent(usage, cost(usage, PRICE)) <= budget.reserve(worst)


@given(st.integers(1, 10**10), st.integers(1, 100_000), st.sampled_from(["usd", "tokens"]))
def test_what_is_said_to_fit_fits(left: int, input_tokens: int, unit: str) -> None:
    """A shrunken request reserves no more than what is left."""
    budget = compiled(unit=unit)
    fits = budget.output_that_fits(Worst(input_tokens, 1_000_000, PRICE), left)
    if fits > 0:
        assert budget.reserve(Worst(input_tokens, fits, PRICE)) <= left
