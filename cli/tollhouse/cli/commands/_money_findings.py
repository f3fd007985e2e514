"""Is everything fine with budgets, prices, the ledger, and those who wait for a decision."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse.cli.client import Connection
from tollhouse.cli.commands._findings import Finding
from tollhouse.cli.commands._numbers import Numbers
from tollhouse.cli.failure import Failure

NAMES = (
    "tollhouse_budget_limit",
    "tollhouse_budget_refusals_total",
    "tollhouse_budget_spent",
    "tollhouse_ledger_reachable",
    "tollhouse_llm_unpriced_total",
    "tollhouse_outbox_waiting_records",
)
NEAR = 0.8


def look(connection: Connection, now: Numbers, before: Numbers) -> Iterator[Finding]:
    """One line for what is fine, one for each thing that is not."""
    found = [*_budgets(now, before), *_approvals(connection), *_ledger(now), *_prices(now)]
    yield from found or [Finding("money", "good", "no budget is near its end, the ledger has everything")]


def _budgets(now: Numbers, before: Numbers) -> Iterator[Finding]:
    refusing = now.sums("tollhouse_budget_refusals_total", _enforced, before)
    for budget, times in sorted(refusing.items()):
        if times:
            remedy = "gatewayctl budgets says what is left; gatewayctl get and apply raise it"
            yield Finding(f"budget {budget}", "warning", f"refused {_counted(times, 'attempt')} just now", remedy)
    limits = now.most("tollhouse_budget_limit", "key")
    for key, spent in sorted(now.most("tollhouse_budget_spent", "key").items()):
        limit = limits.get(key, 0.0)
        if limit and spent >= NEAR * limit:
            remedy = "gatewayctl budgets says whose it is and when it begins anew; gatewayctl get and apply raise it"
            yield Finding(f"budget {key}", "warning", f"{spent / limit:.0%} of it is spent", remedy)


def _approvals(connection: Connection) -> Iterator[Finding]:
    from tollhouse.proto.admin.v1 import approvals_pb2

    try:
        with connection.approvals() as service:
            waiting = service.List(approvals_pb2.ListApprovalsRequest(state="pending")).approvals
    except Failure:
        return  # who may not decide need not know
    if waiting:
        agents = ", ".join(sorted({one.context.consumer or "somebody" for one in waiting}))
        remedy = "gatewayctl approvals list --state pending; then approve or deny"
        yield Finding(
            "approvals",
            "warning",
            f"{_counted(len(waiting), 'request')} for more, waiting for a decision ({agents})",
            remedy,
        )


def _ledger(now: Numbers) -> Iterator[Finding]:
    waiting = now.by_node("tollhouse_outbox_waiting_records")
    for node, reachable in now.by_node("tollhouse_ledger_reachable").items():
        if not reachable:
            found = f"cannot hand over usage records, {waiting.get(node, 0):.0f} wait in its files"
            yield Finding(f"node {node}", "bad", found, "see the control plane's log, and --control-plane of the node")


def _prices(now: Numbers) -> Iterator[Finding]:
    unpriced = now.sums("tollhouse_llm_unpriced_total", lambda labels: labels["llm_model"])
    if unpriced:
        found = f"no price is known for {', '.join(sorted(unpriced))}"
        yield Finding("prices", "warning", found, "give them one (models resource); budgets count them as nothing")


def _enforced(labels: dict[str, str]) -> str:
    return labels["budget"] if labels["mode"] != "shadow" else ""


def _counted(number: float, what: str) -> str:
    return f"{number:.0f} {what}" if number == 1 else f"{number:.0f} {what}s"
