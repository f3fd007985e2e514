"""Entries reach a topic through the real client, and wait for a broker that is away."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tollhouse.dataplane.plugin import Place
from tollhouse.dataplane.plugins.kafka_logger import KafkaLogger, KafkaLoggerConfig
from tollhouse.dataplane.registry import check_plugin, normalise_plugins
from tollhouse.dataplane.runtime.sinks.kafka import open_topic

from tests.support.certificates import Authority
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


def kept(broker: Broker) -> list[int]:
    """The numbers of the requests that the broker knows of, in order."""
    return [int(json.loads(value)["request"]["headers"]["x-number"]) for _, _, value in broker.messages]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_with_the_defaults_each_entry_arrives_once(kind: str):
    """All else left to APISIX's defaults, among them a second in which the client gathers messages."""
    broker = await Broker().start()
    metrics = PlainMetrics()
    place = {"brokers": [{"host": "127.0.0.1", "port": broker.port}], "kafka_topic": "logs", "producer_type": kind}
    services = plain_services(hostname="gate", open_topic=open_topic, metrics=metrics)
    logger = KafkaLogger(
        KafkaLoggerConfig.model_validate({**place, "max_retry_count": 2}), Place("routes", "r"), services
    )
    for number in range(10):
        logger.record(await finished_chat(headers={"x-number": f"{number}"}))
    await logger.close()
    assert kept(broker) == list(range(10))
    assert metrics.series["tollhouse_log_entries_dropped_total", "kafka-logger", "routes/r"].value == 0
    await broker.stop()


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_only_messages_without_acknowledgement_are_sent_again(kind: str):
    """A broker that took four of ten gets the other six, in order, each once; without a retry they are counted."""
    for retries in (1, 0):
        broker = await Broker().start()
        broker.refuse_after = 4
        metrics = PlainMetrics()
        told = {"producer_type": kind, "producer_batch_num": 2, "batch_max_size": 10, "retry_delay": 1}
        logger = plugin(broker.port, metrics, max_retry_count=retries, **told)
        for number in range(10):
            logger.record(await finished_chat(headers={"x-number": f"{number}"}))
        await broker.until(4)
        await asyncio.sleep(0.2)
        broker.refuse_after = None
        await logger.close()
        lost = metrics.series["tollhouse_log_entries_dropped_total", "kafka-logger", "routes/r"].value
        assert (kept(broker), lost) == (list(range(10 if retries else 4)), 6 - 6 * retries)
        await broker.stop()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_over_tls_signed_in(mechanism: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The real client checks the certificate and proves who it is; a wrong password delivers nothing and is counted,
    and stands in no log."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    monkeypatch.setenv("KAFKA_PASSWORD", "the-proof-of-gate")
    broker = await Broker(authority.server_context(), {"gate": "the-proof-of-gate"}).start()

    def place(password: str) -> dict[str, Any]:
        sasl = {"mechanism": mechanism, "user": "gate", "password": password}
        return {"tls": True, "brokers": [{"host": "127.0.0.1", "port": broker.port, "sasl_config": sasl}]}

    metrics = PlainMetrics()
    good = plugin(0, timeout=5, **place("the-proof-of-gate"))
    wrong = plugin(0, metrics, **place("something-else"))
    good.record(await finished_chat())
    wrong.record(await finished_chat())
    assert len(await broker.until(1)) == 1
    assert set(broker.users) == {"gate"}
    counted = metrics.series["tollhouse_log_entries_dropped_total", "kafka-logger", "routes/r"]
    async with asyncio.timeout(10):
        while counted.value < 1:
            await asyncio.sleep(0.02)
    assert len(broker.messages) == 1
    await good.close()
    await wrong.close()
    await broker.stop()


async def test_a_certificate_nobody_vouches_for_gets_nothing(tmp_path: Path):
    """Not even the password."""
    broker = await Broker(Authority(tmp_path).server_context(), {"gate": "x"}).start()
    metrics = PlainMetrics()
    sasl = {"mechanism": "PLAIN", "user": "gate", "password": "x"}
    logger = plugin(0, metrics, tls=True, brokers=[{"host": "127.0.0.1", "port": broker.port, "sasl_config": sasl}])
    logger.record(await finished_chat())
    counted = metrics.series["tollhouse_log_entries_dropped_total", "kafka-logger", "routes/r"]
    async with asyncio.timeout(10):
        while counted.value < 1:
            await asyncio.sleep(0.02)
    assert (broker.messages, broker.users) == ([], [])
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


async def test_the_raw_request_on_demand():
    """Its secrets masked, its body only when asked for."""
    broker = await Broker().start()
    bare, whole = (
        plugin(broker.port, meta_format="origin", cluster_name=2, include_req_body=body) for body in (False, True)
    )
    ex = await finished_chat(headers={"authorization": "Bearer sk-hush", "x-team": "red"})
    bare.record(ex)
    await broker.until(1)
    whole.record(ex)
    messages = await broker.until(2)
    head = messages[0][2].decode()
    assert head.startswith("POST /")
    assert "x-team: red\r\n" in head
    assert head.endswith("\r\n\r\n")
    assert "sk-hush" not in str(messages)
    assert ex.body
    assert messages[1][2] == messages[0][2] + ex.body
    for one in (bare, whole):
        await one.close()
    await broker.stop()


def test_the_older_form_is_taken():
    """With a note."""
    resource: dict[str, Any] = {"plugins": {"kafka-logger": {"broker_list": {"k": 9092}, "kafka_topic": "t"}}}
    assert normalise_plugins(resource) == ["kafka-logger: broker_list is written as brokers"]
    config = resource["plugins"]["kafka-logger"]
    assert config["brokers"] == [{"host": "k", "port": 9092}]
    assert check_plugin("kafka-logger", config, "routes/r") == []
    assert "meta_format" in str(check_plugin("kafka-logger", {**config, "meta_format": "xml"}, "routes/r"))


def test_a_node_without_the_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """When the config is loaded, not with the first request."""
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    with pytest.raises(ValueError, match=r"tollhouse\[kafka\]"):
        plugin(1)
