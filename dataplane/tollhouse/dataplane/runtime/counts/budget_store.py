"""Which store of budget counts an operator's word means."""

from __future__ import annotations

from tollhouse.dataplane.redis_place import place_of_address
from tollhouse.dataplane.runtime.counts.shared_budgets import SharedBudgets
from tollhouse.dataplane.settings import OTHER_NODE, OWN_COUNTS, Settings


def open_shared(settings: Settings, node_id: str, timeout_s: float = 1.0) -> SharedBudgets | None:
    """The store the settings name; None: this process counts. Raises ValueError."""
    store = settings.budget_store
    if store in OWN_COUNTS:
        return None
    if store.startswith(OTHER_NODE):
        from tollhouse.dataplane.runtime.counts.remote_budgets import RemoteBudgets

        return RemoteBudgets(store.removeprefix(OTHER_NODE), node_id, settings, timeout_s)
    # Most nodes have no Redis, and its client takes a while to load.
    from tollhouse.dataplane.runtime.counts.redis_budgets import RedisBudgets

    return RedisBudgets(place_of_address(store, timeout_s), node_id)
