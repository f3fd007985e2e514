"""Instances as targets."""

from __future__ import annotations

from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.dataplane.dispatch.setup.instances import Instance, Instances
from tollhouse.dataplane.dispatch.setup.options import Auth, Override
from tollhouse.proto.resources.model import Provider

EMPTY = Catalog.build({}, {})


def test_the_asked_for_model_passes_unless_one_is_fixed() -> None:
    """A fixed model has a state of its own; asked-for ones share the instance's, however many there are."""
    free, fixed = Instance("a", "openai"), Instance("b", "openai", options={"model": "gpt-4o"})
    instances = Instances([free, fixed])
    first = instances.targets("gpt-4o-mini", EMPTY)
    second = instances.targets("o3", EMPTY)
    assert [target.model for target in first] == ["gpt-4o-mini", "gpt-4o"]
    assert first[0].key == second[0].key
    assert first[1].key.endswith("/gpt-4o")
    assert first[0].price is not None
    assert instances.targets("gpt-4o-mini", EMPTY) is first


def test_serving_is_by_pattern_and_others_are_stood_in_for() -> None:
    """With the configured model, else the vendor's; without either the instance is left out."""
    instances = Instances(
        [
            Instance("claude", "anthropic", serves=("claude-*",)),
            Instance("own", "openai", serves=("gpt-*",), fallback_model="gpt-4o"),
            Instance("local", "openai-compatible", serves=("qwen*",), override=Override(endpoint="http://h")),
        ]
    )
    found = {target.name: target for target in instances.targets("claude-3-sonnet", EMPTY)}
    assert (found["claude"].native, found["claude"].model) == (True, "claude-3-sonnet")
    assert (found["own"].native, found["own"].model) == (False, "gpt-4o")
    assert "local" not in found


def test_a_provider_resource_moves_bare_instances() -> None:
    """Address and key come from ``providers/<type>``; an instance's own words outweigh it part by part."""
    moved = Provider.model_validate(
        {"type": "openai", "endpoint": "http://moved", "auth": {"header": {"authorization": "theirs"}}}
    )
    catalog = Catalog.build({}, {"openai": moved})
    instances = Instances(
        [
            Instance("bare", "openai"),
            Instance("keyed", "openai", auth=Auth(header={"authorization": "mine"})),
            Instance("placed", "openai", override=Override(endpoint="http://own")),
        ]
    )
    bare, keyed, placed = (target.endpoint for target in instances.targets("m", catalog))
    assert (bare.origin.host, bare.headers) == ("moved", (("authorization", "theirs"),))
    assert (keyed.origin.host, keyed.headers) == ("moved", (("authorization", "mine"),))
    assert placed.origin.host == "own"
    again = instances.targets("m", EMPTY)
    assert again[0].endpoint.origin.host == "api.openai.com"


def test_a_provider_of_another_type_under_a_vendors_name_is_not_taken() -> None:
    """``providers/openai`` of type anthropic is somebody else's."""
    catalog = Catalog.build({}, {"openai": Provider.model_validate({"type": "anthropic"})})
    [target] = Instances([Instance("a", "openai")]).targets("m", catalog)
    assert target.endpoint.provider.type == "openai"


def test_names_are_those_written_out() -> None:
    """Patterns are no names."""
    made = [Instance("a", "openai", options={"model": "x"}), Instance("b", "openai", serves=("y", "z-*"))]
    assert Instances(made).names() == ["x", "y"]
