"""Which targets are probed, and how: one schema for instances, accounts and targets of the catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.dataplane.dispatch.setup.instances import Instance, Instances
from tollhouse.dataplane.dispatch.setup.probed import Probe
from tollhouse.proto.resources.model import Model, Provider
from tollhouse.proto.resources.upstream import ActiveCheck

UP = {"active": {"http_path": "/up"}}
SOCKET = {"active": {"type": "tcp"}}


def catalog(checks: Any, *targets: dict[str, Any]) -> Catalog:
    """A model of one account of OpenAI."""
    account = {"type": "openai", "endpoint": "http://127.0.0.1:9", **({"checks": checks} if checks else {})}
    model = {"targets": [{"provider": "openai", **one} for one in targets]}
    return Catalog.build({"m": Model.model_validate(model)}, {"openai": Provider.model_validate(account)})


def probes(made: Catalog) -> list[Probe | None]:
    """Of its model's targets."""
    return [target.probe for target in made.models["m"].targets]


def test_a_target_is_probed_as_its_account_or_in_its_own_way() -> None:
    """Targets of one account share its probe; a target's own outweighs it; without any nobody is probed."""
    same, too, other = probes(catalog(UP, {"model": "a"}, {"model": "b"}, {"model": "c", "checks": SOCKET}))
    assert same is not None
    assert other is not None
    assert same is too
    assert (same.check.http_path, other.check.type) == ("/up", "tcp")
    assert same.key != other.key
    assert probes(catalog(None, {"model": "a"})) == [None]


def test_an_instance_is_probed_as_the_account_it_takes_its_address_from() -> None:
    """Unless it has a check of its own."""
    own = Instance("own", "openai", check=ActiveCheck(http_path="/own"))
    found = Instances([Instance("plain", "openai"), own]).targets("m", catalog(UP, {"model": "a"}))
    assert [one.probe.check.http_path if one.probe else "" for one in found] == ["/up", "/own"]


def test_without_a_type_it_is_the_addresss() -> None:
    """Nobody's health shall depend on plain HTTP at a TLS port."""
    account = {"type": "openai", "endpoint": "https://models.test", "checks": UP}
    model = Model.model_validate({"targets": [{"provider": "openai", "model": "a"}]})
    [secure] = probes(Catalog.build({"m": model}, {"openai": Provider.model_validate(account)}))
    [plain] = probes(catalog(UP, {"model": "a"}))
    [told] = probes(catalog({"active": {"type": "https"}}, {"model": "a"}))
    assert [one and one.check.type for one in (secure, plain, told)] == ["https", "http", "https"]


def test_what_is_no_active_check_is_refused_by_name() -> None:
    """Passive checks are the breakers' work."""
    with pytest.raises(ValidationError, match="passive"):
        catalog({**UP, "passive": {}}, {"model": "a"})
