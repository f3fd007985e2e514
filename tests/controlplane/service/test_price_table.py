"""The price table that comes with a control plane is published once, and never in place of a newer or a pinned one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tollhouse.controlplane.app import ControlPlane
from tollhouse.proto.catalog import lookup, reader, source

from tests.controlplane.plane import Plane

BUNDLED = json.loads(reader.bundled_bytes())


@pytest.fixture
async def again(plane: Plane) -> AsyncIterator[ControlPlane]:
    """Another control plane of the same etcd, one that publishes."""
    control = ControlPlane(replace(plane.settings, publish_prices=True))
    yield control
    await control.close()
    reader.publish(None)


async def table(plane: Plane) -> dict[str, Any]:
    """What is published."""
    answer = await plane.call("GET", "price_tables/published")
    assert answer.status == 200
    value: dict[str, Any] = answer.body["value"]
    return value


async def test_where_there_is_none_it_is_published(plane: Plane, again: ControlPlane) -> None:
    """Under its own name in the history, once, and never as part of what documents hold."""
    await again.start()
    assert (await table(plane))["version"] == BUNDLED["version"]
    revision = (await plane.call("GET", "price_tables/published")).body["modifiedIndex"]
    second = ControlPlane(replace(plane.settings, publish_prices=True))
    await second.start()
    await second.close()
    assert (await plane.call("GET", "price_tables/published")).body["modifiedIndex"] == revision
    entries = (await plane.call("GET", "history")).body["list"]
    assert [one["author"] for one in entries] == ["control plane"]


@pytest.mark.parametrize(
    ("stored", "stays"),
    [
        ({"version": "0.0.1"}, False),
        ({"version": "0.0.1", "pinned": True}, True),
        ({"version": "99.0"}, True),
        ({"version": "0.0.1", "source": "ours"}, True),
    ],
)
async def test_only_older_ones_are_replaced(
    plane: Plane, again: ControlPlane, stored: dict[str, Any], stays: bool
) -> None:
    put = await plane.call("PUT", "price_tables/published", {**BUNDLED, **stored})
    assert put.status == 201
    await again.start()
    assert ((await table(plane))["version"] == stored["version"]) is stays


async def test_every_control_plane_looks_prices_up_in_it(plane: Plane) -> None:
    """A moment after it is written; a table that makes no sense is refused."""
    row = ["gpt-4o", ["=", "gpt-4o"], 1000, [["", [1_000_000_000, 2_000_000_000]]]]
    ours = {"source": "ours", "version": "7", "vendors": {"openai": [row]}}
    refused = await plane.call("PUT", "price_tables/published", {**ours, "vendors": {"openai": [["gpt-4o"]]}})
    assert refused.status == 400
    try:
        assert (await plane.call("PUT", "price_tables/published", ours)).status == 201
        async with asyncio.timeout(5):
            while source() != "ours 7":
                await asyncio.sleep(0.01)
        price = lookup("openai", "gpt-4o").price
        assert price is not None
        assert price.base.input == 1_000_000_000
    finally:
        reader.publish(None)
