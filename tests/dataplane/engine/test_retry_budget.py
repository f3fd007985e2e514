"""Second tries as a share of traffic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.dataplane.engine.retry_budget import RetryBudget


@given(st.lists(st.booleans(), max_size=500))
def test_never_more_than_the_reserve_and_a_share(wanted: list[bool]) -> None:
    """Whatever the order of requests and retries."""
    budget = RetryBudget()
    requests = spent = 0
    for retry in wanted:
        if retry:
            spent += budget.spend()
        else:
            requests += 1
            budget.request()
        assert spent <= RetryBudget.reserve + RetryBudget.share * requests + 1e-9
