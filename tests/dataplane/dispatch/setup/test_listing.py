"""Which models a caller sees."""

from __future__ import annotations

from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.dataplane.dispatch.setup.listing import list_models
from tollhouse.proto.resources.model import Model

TARGETS = [{"provider": "openai", "model": "gpt-4o"}]
CATALOG = Catalog.build(
    {
        "b": Model.model_validate({"targets": TARGETS, "aliases": ["bee"], "name": "The B", "create_time": 7}),
        "a": Model.model_validate({"targets": TARGETS}),
        "broken": Model.model_validate({"targets": [{"provider": "nobody", "model": "m"}]}),
    },
    {},
)


def test_all_in_order_with_aliases_and_without_the_broken() -> None:
    """Facts of the resource ride along."""
    listed = list_models(CATALOG, None, None)
    assert [one.id for one in listed] == ["a", "b", "bee"]
    assert (listed[1].created, listed[1].owned_by, listed[1].display_name) == (7, "openai", "The B")


def test_only_what_the_route_serves_and_the_caller_may_use() -> None:
    """Both narrow the list."""
    assert [one.id for one in list_models(CATALOG, ["bee"], None)] == ["b", "bee"]
    assert [one.id for one in list_models(CATALOG, None, ["be*"])] == ["bee"]
    assert list_models(CATALOG, [], None) == []
