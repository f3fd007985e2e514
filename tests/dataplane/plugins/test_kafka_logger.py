"""Entries reach a topic through the real client, and wait for a broker that is away."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.kafka_logger import KafkaLogger, KafkaLoggerConfig
from tollhouse.dataplane.registry import check_plugin, normalise_plugins
from tollhouse.dataplane.runtime.sinks.kafka import open_topic

from tests.support.exchanges import finished_chat
from tests.support.kafka_broker import Broker
from tests.support.services import PlainMetrics, plain_services


def plugin(port: int, metrics: PlainMetrics | None = None, **config: Any) -> KafkaLogger:
    """One that sends each entry at once."""
    place = {"brokers": [{"host": "127.0.0.1", "port": port}], "kafka_topic": "logs", "producer_time_linger": 0}
    made = KafkaLoggerConfig.model_validate({**place, "batch_max_size": 1, "timeout": 1, **config})
    services = plain_services(hostname="gate", open_topic=open_topic, metrics=metrics or PlainMetrics())
    return KafkaLogger(made, Place("routes", "r"), services)


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_each_entry_is_one_message(kind: str):
    """Under the key, acknowledged as asked for."""
    broker = await Broker().start()
    logger = plugin(broker.port, producer_type=kind, key="tollhouse", required_acks=-1, batch_max_size=3)
    for _ in range(3):
        logger.record(await finished_chat())
    messages = await broker.until(3)
    assert {(topic, key) for topic, key, _ in messages} == {("logs", b"tollhouse")}
    assert json.loads(messages[0][2])["consumer"]["username"] == "jack"
    assert set(broker.acks) == {-1}
    await logger.close()
    await broker.stop()


async def test_without_a_broker_entries_are_lost_and_counted_or_tried_again():
    """As configured; nothing waits for it but the sender."""
    broker = await Broker().start()
    await broker.stop()
    metrics = PlainMetrics()
    hasty, patient = plugin(broker.port, metrics), plugin(broker.port, metrics, max_retry_count=30, retry_delay=0)
    hasty.record(await finished_chat())
    patient.record(await finished_chat())
    counted = metrics.series["tollhouse_log_entries_dropped_total", "kafka-logger", "routes/r"]
    async with asyncio.timeout(10):
        while counted.value < 1:
            await asyncio.sleep(0.02)
    await broker.start()
    await broker.until(1)
    assert counted.value == 1
    await patient.close()
    await hasty.close()
    await broker.stop()


def test_the_older_form_is_taken_and_the_raw_one_refused():
    """With a note for the first and the field's name for the second."""
    resource: dict[str, Any] = {"plugins": {"kafka-logger": {"broker_list": {"k": 9092}, "kafka_topic": "t"}}}
    assert normalise_plugins(resource) == ["kafka-logger: broker_list is written as brokers"]
    config = resource["plugins"]["kafka-logger"]
    assert config["brokers"] == [{"host": "k", "port": 9092}]
    assert check_plugin("kafka-logger", config, "routes/r") == []
    assert "meta_format" in str(check_plugin("kafka-logger", {**config, "meta_format": "origin"}, "routes/r"))


def test_a_node_without_the_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """When the config is loaded, not with the first request."""
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    with pytest.raises(ValueError, match=r"tollhouse\[kafka\]"):
        plugin(1)
