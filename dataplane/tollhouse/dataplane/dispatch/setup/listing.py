"""The models a caller may ask for, as ``GET /v1/models`` lists them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tollhouse.dataplane.dispatch.choosing.plan import may_serve
from tollhouse.dataplane.dispatch.setup.catalog import Catalog, CompiledModel
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.permitted import ALLOWED, is_allowed
from tollhouse.dataplane.protocols._models import ListedModel

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange


def list_models(
    catalog: Catalog,
    served: Sequence[str] | None,
    allowed: Sequence[str] | None,
    state: Mapping[str, Any] | None = None,
) -> list[ListedModel]:
    """Names and aliases of the catalogue's models that a route serves (None: all) and a caller may use (glob patterns;
    None: all). A model without a target that this caller (by the exchange's state) may reach is left out."""
    listed = []
    for model in sorted(catalog.models.values(), key=lambda one: one.id):
        if not model.targets or not is_served(model, served):
            continue
        if not any(may_serve(target, state or {}) for target in model.targets):
            continue
        owner = model.targets[0].endpoint.provider.type
        listed += [
            ListedModel(name, model.created, owner, model.display_name)
            for name in (model.id, *model.aliases)
            if is_allowed(name, allowed) and catalog.find(name) is model
        ]
    return listed


def is_served(model: CompiledModel, served: Sequence[str] | None) -> bool:
    """Whether a route serves a model: by its name or one of its aliases."""
    return served is None or model.id in served or any(alias in served for alias in model.aliases)


def find_model(ex: Exchange, served: Sequence[str] | None) -> CompiledModel:
    """The catalogue's model a request asks for. Raises 400 when it names none, 404 with suggestions when unknown."""
    asked = ex.peek.model
    catalog = ex.snapshot.models
    if not asked:
        raise ClientError(400, "missing_model", "The request names no model. Set the field model.", param="model")
    model = catalog.find(asked)
    if model is not None and is_served(model, served):
        return model
    names = [one.id for one in list_models(catalog, served, ex.state.get(ALLOWED), ex.state)]
    some = ", ".join(catalog.similar(asked, names)) or "none so far"
    raise ClientError(
        404,
        "model_not_found",
        f"There is no model {asked[:128]!r} here. Among those there are: {some}. GET /v1/models lists all of them.",
        param="model",
    )


def of_names(names: Iterable[str], ex: Exchange) -> list[ListedModel] | None:
    """A list of the names a config mentions; None when it mentions none."""
    listed = [ListedModel(name) for name in names if is_allowed(name, ex.state.get(ALLOWED))]
    return listed or None
