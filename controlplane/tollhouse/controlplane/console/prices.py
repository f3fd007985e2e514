"""What models cost here: as the configuration says, over the bundled table, as nodes reckon it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.controlplane.service.listing import Query
from tollhouse.controlplane.service.service import Service
from tollhouse.proto.catalog import PriceTable, lookup
from tollhouse.proto.catalog.merging import UNKNOWN_PRICE, merge_price, price_for
from tollhouse.proto.resources.price import Price

NANO = 1_000_000_000
KINDS = ("input", "cached", "cache_write", "output")
LOCAL = "openai-compatible"
"""The type of servers of one's own, which are free unless a price is given."""

Value = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A provider, as far as prices go."""

    type: str
    prices: Mapping[str, Price]


class PriceList:
    """All prices at one revision."""

    def __init__(self, providers: Mapping[str, Account], models: Mapping[str, Value]) -> None:
        self._providers = providers
        self._models = models
        self._own = {
            (one["provider"], one["model"]): Price.model_validate(model["price"])
            for model in models.values()
            for one in model["targets"]
            if model.get("price")
        }

    def of(self, provider: str, model: str) -> dict[str, Any]:
        """Of a model at a provider (its id, or a vendor's type); as the public name that leads there says, if any."""
        price = merge_price(self._own.get((provider, model)), self._known(provider, model))
        return shown(price, "free" if self._type(provider) == LOCAL else "estimate")

    def models(self) -> list[dict[str, Any]]:
        """The models that have a name of their own, with what each target costs."""
        return [self._model(name, model) for name, model in sorted(self._models.items())]

    def _model(self, name: str, model: Value) -> dict[str, Any]:
        own = Price.model_validate(model.get("price") or {})
        targets = []
        for one in model["targets"]:
            provider = one["provider"]
            price = merge_price(own, self._known(provider, one["model"]))
            policy = model.get("unknown_price") or ("free" if self._type(provider) == LOCAL else "estimate")
            targets.append({"provider": provider, "model": one["model"], **shown(price, policy)})
        return {"id": name, "name": model.get("name") or "", "aliases": model.get("aliases") or [], "targets": targets}

    def _type(self, provider: str) -> str:
        configured = self._providers.get(provider)
        return configured.type if configured is not None else provider

    def _known(self, provider: str, model: str) -> PriceTable | None:
        configured = self._providers.get(provider)
        if configured is None:
            return lookup(provider, model).price
        return merge_price(price_for(model, configured.prices), lookup(configured.type, model).price)


class Prices:
    """One per process. Read again only when something was written."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._read_at = -1
        self._list = PriceList({}, {})

    async def now(self) -> PriceList:
        """As they are. Raises Refusal."""
        revision = await self._service.newest_revision()
        if revision != self._read_at:
            providers = {one["id"]: _account(one) for one in await self._values("providers")}
            self._list = PriceList(providers, {one["id"]: one for one in await self._values("models")})
            self._read_at = revision
        return self._list

    async def _values(self, kind: str) -> list[Value]:
        return [item.value for item in (await self._service.list(kind, Query())).objects]


def _account(value: Value) -> Account:
    prices = value.get("prices") or {}
    return Account(value["type"], {model: Price.model_validate(price) for model, price in prices.items()})


def shown(price: PriceTable | None, policy: str) -> dict[str, Any]:
    """USD per million tokens by kind, and where that comes from. ``policy``: what is done where nobody knows it."""
    if price is None:
        stand_in = UNKNOWN_PRICE.get(policy)
        if stand_in is None:
            return {"price": None, "source": "", "policy": policy}
        return {"price": _rates(stand_in), "source": stand_in.source, "policy": policy}
    return {"price": _rates(price), "source": price.source, "policy": ""}


def _rates(price: PriceTable) -> dict[str, float]:
    return {kind: getattr(price.base, kind) / NANO for kind in KINDS}
