"""Checkers of instances. That traffic follows them is tested with the plugin."""

from __future__ import annotations

from tollhouse.dataplane.dispatch.choosing.probes import InstanceProbes
from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.dataplane.dispatch.setup.instances import Instance, Instances
from tollhouse.dataplane.dispatch.setup.options import Override
from tollhouse.dataplane.plugin import Place
from tollhouse.proto.resources.upstream import ActiveCheck

from tests.support.dispatching import Bench
from tests.support.providers import answer, providers


async def test_probing_begins_when_the_address_is_known(gate: Bench) -> None:
    """Once per instance, however often it is asked for."""
    async with providers(answer(200, {})) as [fake]:
        instances = Instances([Instance("a", "openai", override=Override(endpoint=fake.url)), Instance("b", "openai")])
        probes = InstanceProbes({"a": ActiveCheck()}, gate.services, Place("routes", "r"))
        probes.start(instances)
        assert gate.background.tasks == []
        instances.targets("m", Catalog.build({}, {}))
        probes.start(instances)
        probes.start(instances)
        assert len(gate.background.tasks) == 1
        assert probes.healthy("a")
        assert probes.healthy("b")
        probes.stop()
