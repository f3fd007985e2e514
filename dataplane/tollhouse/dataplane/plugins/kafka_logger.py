"""Send log entries to a Kafka topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig, Secret
from tollhouse.dataplane.records.log_batches import BatchConfig, BatchSender, SendFailed
from tollhouse.dataplane.records.log_config import (
    EntryWriter,
    LoggerConfig,
    LoggerMetadata,
    check_expressions,
    compile_condition,
)
from tollhouse.dataplane.records.raw_request import raw_request
from tollhouse.dataplane.services import NotAcknowledged, Producer, Services, TopicTarget
from tollhouse.dataplane.stages import Stage

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply

_STRICT = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SaslConfig(BaseModel):
    """How a broker knows us."""

    model_config = _STRICT

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """Which way."""
    user: str
    """Who we are."""
    password: Secret
    """The proof; a reference such as ``$env://NAME`` keeps it out of the config."""


class Broker(BaseModel):
    """One broker of the cluster; it tells of the others."""

    model_config = _STRICT

    host: str = Field(min_length=1)
    """Name or address."""
    port: int = Field(ge=1, le=65535)
    """Its port."""
    sasl_config: SaslConfig | None = None
    """How it knows us; the first one that stands here counts for all."""


class KafkaLoggerConfig(LoggerConfig, BatchConfig):
    """Where entries go. Each batch waits for its acknowledgements, and only entries without one are sent again: with
    the default of no retries an entry is sent once, with more it may arrive twice when its acknowledgement is lost."""

    brokers: tuple[Broker, ...] = Field(min_length=1)
    """Brokers to begin with (``broker_list``, the older form, is taken too)."""
    kafka_topic: str = Field(min_length=1)
    """The topic."""
    name: str = "kafka logger"
    """What the gateway's own log and metrics call it."""
    key: str = ""
    """The messages' key, which decides on their partition; without one they are spread."""
    producer_type: Literal["async", "sync"] = "async"
    """``sync``: each message is acknowledged before the next one is sent."""
    required_acks: Literal[1, -1] = 1
    """1: the partition's leader has it; -1: all in-sync replicas have it."""
    timeout: int = Field(default=3, ge=1)
    """Seconds for connecting, and for the acknowledgement of each message."""
    tls: bool = False
    """Speak TLS and check the brokers' certificates."""
    meta_format: Literal["default", "origin"] = "default"
    """``default``: entries are JSON; ``origin``: the request itself as text, secrets in it masked, with its body when
    that is to be logged."""
    cluster_name: int = Field(default=1, ge=1)
    """APISIX's number for telling clusters apart. Here each place has a producer of its own, whatever the number."""
    producer_batch_num: int = Field(default=200, ge=1)
    """Messages that are under way at once at most."""
    producer_batch_size: int = Field(default=1_048_576, ge=1)
    """Bytes of one request to a partition."""
    producer_max_buffering: int = Field(default=50_000, ge=1)
    """Entries that wait at most, where that is less than ``max_pending_entries``."""
    producer_time_linger: int = Field(default=1, ge=0)
    """Seconds the client gathers messages; not with ``sync``, where there is never a second one to wait for."""
    meta_refresh_interval: int = Field(default=30, ge=1)
    """Seconds after which the cluster's shape is asked for again."""


class KafkaLoggerMetadata(LoggerMetadata):
    """What holds for all places."""

    max_pending_entries: int = Field(default=8192, ge=1)
    """While so many entries wait, further ones are dropped (and counted)."""


class KafkaLogger(Plugin[KafkaLoggerConfig]):
    """One queue and one producer per place and worker. Nodes need the extra: ``pip install 'tollhouse[kafka]'``."""

    name = "kafka-logger"
    stage = Stage.RECORD
    priority = 403
    Config = KafkaLoggerConfig
    Metadata = KafkaLoggerMetadata

    def __init__(
        self, config: KafkaLoggerConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        told = metadata if isinstance(metadata, KafkaLoggerMetadata) else KafkaLoggerMetadata()
        self._write = EntryWriter(config, metadata, services.hostname)
        self._raw = config.meta_format == "origin"
        self._raw_body = compile_condition(config.include_req_body_expr) if config.include_req_body else None
        dropped = services.metrics.counter(
            "tollhouse_log_entries_dropped_total", "Log entries that were not delivered.", ("plugin", "place")
        )
        most = min(told.max_pending_entries, config.producer_max_buffering)
        self._sender = BatchSender(config, most, services, self._send, dropped(self.name, str(place)))
        self._producer: Producer | None = None
        if services.open_topic is not None:
            try:
                self._producer = services.open_topic(_target(config, services))
            except GatewayError as error:
                raise ValueError(error.message) from None

    @classmethod
    def normalise(cls, config: dict[str, Any], resource: dict[str, Any]) -> list[str]:
        """``broker_list: {host: port}`` is the older form of ``brokers``."""
        old = config.get("broker_list")
        if not isinstance(old, dict) or "brokers" in config:
            return []
        del config["broker_list"]
        config["brokers"] = [{"host": host, "port": port} for host, port in old.items()]
        return ["kafka-logger: broker_list is written as brokers"]

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """The expressions must compile."""
        assert isinstance(config, KafkaLoggerConfig)
        return check_expressions(config)

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """Keep the body on its way out, when the config asks for it."""
        if not self._raw:
            self._write.keep_reply(ex, reply)

    def record(self, ex: Exchange) -> None:
        """Queue the entry of a finished exchange."""
        if self._raw:
            wanted = self._raw_body is not None and self._raw_body(ex)
            self._sender.push(raw_request(ex, self.config.max_req_body_bytes if wanted else 0))
        else:
            self._sender.push(self._write(ex, self.services.clock.monotonic()))

    async def close(self) -> None:
        """Send what still waits."""
        await self._sender.close()
        if self._producer is not None:
            await self._producer.close()

    async def _send(self, entries: Sequence[bytes]) -> None:
        config = self.config
        if self._producer is None:
            raise SendFailed("this process connects to nothing")
        key = config.key.encode() if config.key else None
        size = config.producer_batch_num
        for start in range(0, len(entries), size):
            part = entries[start : start + size]
            try:
                await self._producer.send(part, key, one_by_one=config.producer_type == "sync")
            except NotAcknowledged as error:
                left = [*error.left, *entries[start + size :]]
                raise SendFailed(f"topic {config.kafka_topic}: {error}", left) from None


def _target(config: KafkaLoggerConfig, services: Services) -> TopicTarget:
    sasl = next((one.sasl_config for one in config.brokers if one.sasl_config is not None), None)
    return TopicTarget(
        brokers=tuple(f"{one.host}:{one.port}" for one in config.brokers),
        topic=config.kafka_topic,
        acks="all" if config.required_acks == -1 else "leader",
        timeout_s=config.timeout,
        linger_s=0 if config.producer_type == "sync" else config.producer_time_linger,
        batch_bytes=config.producer_batch_size,
        refresh_s=config.meta_refresh_interval,
        mechanism=sasl.mechanism if sasl else "",
        user=sasl.user if sasl else "",
        password=services.secrets.reveal(sasl.password) if sasl else "",
        tls=config.tls,
    )
