"""The series requests and attempts count in: looked up once per kind of request, then kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tollhouse.dataplane.records.traffic_families import NOTHING, TrafficFamilies
from tollhouse.dataplane.records.traffic_labels import TrafficLabels, host_of
from tollhouse.dataplane.services import Cell, Distribution
from tollhouse.dataplane.variables import reader

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Attempt, Exchange

MOST_CACHED = 10_000

_request_type = reader("request_type")


class RequestCells(NamedTuple):
    """The series in which requests of one kind count; looked up once, then kept."""

    status: Cell
    total: Distribution
    upstream: Distribution
    gateway: Distribution
    ingress: Cell
    egress: Cell
    llm_total: Distribution
    first_token: Distribution
    prompt: Cell
    completion: Cell
    prompt_sizes: Distribution
    completion_sizes: Distribution


class AttemptCells(NamedTuple):
    """The series of what attempts on one target consumed. (How many there were and how they ended is counted where
    they are made, with or without this plugin.)"""

    cost: Cell
    unpriced: Cell
    tokens: tuple[Cell, Cell, Cell, Cell, Cell]
    """Input, output, cached, written to the cache, reasoning."""


class TrafficSeries:
    """The cells of one place."""

    def __init__(self, families: TrafficFamilies, labels: TrafficLabels) -> None:
        self._families = families
        self._labels = labels
        self._requests: dict[tuple[Any, ...], RequestCells] = {}
        self._attempts: dict[tuple[Any, ...], AttemptCells] = {}
        self._active: dict[tuple[Any, ...], Cell] = {}
        self._targets: dict[tuple[str, str, str], tuple[Distribution, Distribution]] = {}

    def active(self, ex: Exchange) -> Cell:
        """Where a model request counts while it is answered."""
        labels, families = self._labels, self._families
        route = ex.route
        where = (id(route), labels.route(ex), ex.host)
        key = (where, labels.consumer(ex), str(_request_type(ex)), labels.asked(ex))
        cell = self._active.get(key)
        if cell is None:
            _, consumer, kind, asked = key
            identity, service_id = (route.id, route.service_id) if route is not None else ("", "")
            uri = route.matched_uri if route is not None else ""
            names = (labels.route(ex), identity, uri, host_of(ex), labels.service(ex), service_id)
            cell = families.active(*names, consumer, "", kind, asked, "")
            if len(self._active) >= MOST_CACHED:
                self._active.clear()
            self._active[key] = cell
        return cell

    def request(self, ex: Exchange, last: Attempt | None, route: str, consumer: str, asked: str) -> RequestCells:
        """Where a finished request counts."""
        node, model = (last.target, last.model) if last is not None else ("", "")
        source = "upstream" if last is not None and ex.error is None else "apisix"
        kind, host, status = str(_request_type(ex)), host_of(ex), ex.status
        key = (route, consumer, node, model, asked, kind, host, status, source, id(ex.route))
        cells = self._requests.get(key)
        if cells is None:
            if len(self._requests) >= MOST_CACHED:
                self._requests.clear()
            labels, families = self._labels, self._families
            common = (route, labels.service(ex), consumer, node, kind, asked, model)
            identity, service_id = (ex.route.id, ex.route.service_id) if ex.route is not None else ("", "")
            llm = (identity, service_id, consumer, node, kind, asked, model)
            uri = ex.route.matched_uri if ex.route is not None else ""
            cells = self._requests[key] = RequestCells(
                families.status(str(status), route, uri, host, common[1], consumer, node, kind, asked, model, source),
                families.latency("request", *common),
                families.latency("upstream", *common),
                families.latency("apisix", *common),
                families.bandwidth("ingress", *common),
                families.bandwidth("egress", *common),
                *self._model_cells(llm if ex.protocol is not None and last is not None else None),
            )
        return cells

    def _model_cells(self, llm: tuple[str, ...] | None) -> tuple[Any, ...]:
        """Series of model requests; others must not make empty ones."""
        if llm is None:
            return (NOTHING,) * 6
        families = self._families
        return (
            families.llm_latency("total", *llm),
            families.llm_latency("ttft", *llm),
            families.prompt(*llm),
            families.completion(*llm),
            families.prompt_sizes(*llm),
            families.completion_sizes(*llm),
        )

    def target(self, attempt: Attempt) -> tuple[Distribution, Distribution]:
        """Where the seconds an attempt took count, and those until its first byte."""
        key = (attempt.target, attempt.provider, attempt.model)
        found = self._targets.get(key)
        if found is None:
            if len(self._targets) >= MOST_CACHED:
                self._targets.clear()
            found = self._targets[key] = self._families.took(*key), self._families.first(*key)
        return found

    def attempt(self, route: str, consumer: str, attempt: Attempt) -> AttemptCells:
        """Where what an attempt consumed counts."""
        key = (route, consumer, attempt.target, attempt.provider, attempt.model, attempt.price_known)
        cells = self._attempts.get(key)
        if cells is None:
            if len(self._attempts) >= MOST_CACHED:
                self._attempts.clear()
            families = self._families
            spender = (route, consumer, attempt.target, attempt.provider, attempt.model)
            cells = self._attempts[key] = AttemptCells(
                families.cost(*spender),
                NOTHING if attempt.price_known else families.unpriced(attempt.provider, attempt.model),
                (
                    families.tokens("input", *spender),
                    families.tokens("output", *spender),
                    families.tokens("cached", *spender),
                    families.tokens("cache_write", *spender),
                    families.tokens("reasoning", *spender),
                ),
            )
        return cells
