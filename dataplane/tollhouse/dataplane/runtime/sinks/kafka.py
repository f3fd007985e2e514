"""Writes to Kafka topics. The client is an extra, and loaded only where a place logs to Kafka."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any

from tollhouse.dataplane.services import NotAcknowledged, Producer, TopicTarget

MISSING = (
    "kafka-logger: the Kafka client is not installed on this node; install the package with its extra: "
    "pip install 'tollhouse[kafka]'"
)

_MARGIN_S = 1.0


def open_topic(target: TopicTarget) -> Producer:
    """See ``Services.open_topic``."""
    try:
        import aiokafka  # noqa: F401
    except ImportError:
        raise ValueError(MISSING) from None
    return TopicProducer(target)


class TopicProducer:
    """One topic, on one worker."""

    def __init__(self, target: TopicTarget) -> None:
        self._target = target
        self._producer: Any = None

    async def send(self, messages: Sequence[bytes], key: bytes | None, *, one_by_one: bool) -> None:
        """See the port."""
        from aiokafka.errors import KafkaError

        try:
            producer = await self._connected()
        except (KafkaError, OSError) as error:
            raise NotAcknowledged(_told(error), messages) from None
        size = 1 if one_by_one else max(1, len(messages))
        for start in range(0, len(messages), size):
            left, reason = await self._acknowledged(producer, messages[start : start + size], key)
            if left:
                raise NotAcknowledged(reason, [*left, *messages[start + size :]])

    async def _acknowledged(
        self, producer: Any, messages: Sequence[bytes], key: bytes | None
    ) -> tuple[list[bytes], str]:
        """Those of the messages that were not acknowledged in time, and why."""
        from aiokafka.errors import KafkaError

        waiting: list[asyncio.Future[Any]] = []
        reason = ""
        try:
            for message in messages:
                waiting.append(await producer.send(self._target.topic, message, key=key))
        except KafkaError as error:
            reason = _told(error)
        if waiting:  # the client gives up by itself after ``timeout_s``; ours is for the case that it does not
            await asyncio.wait(waiting, timeout=self._target.timeout_s + self._target.linger_s + _MARGIN_S)
        left = list(messages[len(waiting) :])
        for message, one in zip(messages, waiting, strict=False):
            failure = _failure(one)
            if failure:
                left.append(message)
                reason = reason or failure
        return left, reason

    async def close(self) -> None:
        """See the port."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _connected(self) -> Any:
        if self._producer is None:
            producer = self._made()
            try:
                async with asyncio.timeout(self._target.timeout_s):
                    await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    def _made(self) -> Any:
        from aiokafka import AIOKafkaProducer

        target = self._target
        sasl: dict[str, Any] = {}
        if target.mechanism:
            sasl = {
                "sasl_mechanism": target.mechanism,
                "sasl_plain_username": target.user,
                "sasl_plain_password": target.password,
            }
        return AIOKafkaProducer(
            bootstrap_servers=list(target.brokers),
            client_id="tollhouse",
            acks="all" if target.acks == "all" else 1,
            linger_ms=int(target.linger_s * 1000),
            max_batch_size=target.batch_bytes,
            request_timeout_ms=int(target.timeout_s * 1000),
            metadata_max_age_ms=int(target.refresh_s * 1000),
            security_protocol=f"{'SASL_' if sasl else ''}{'SSL' if target.tls else 'PLAINTEXT'}",
            ssl_context=ssl.create_default_context() if target.tls else None,
            **sasl,
        )


def _failure(sent: asyncio.Future[Any]) -> str:
    """Why a message counts as not acknowledged; empty when it is."""
    if not sent.done():
        return "no acknowledgement in time"
    error = asyncio.CancelledError() if sent.cancelled() else sent.exception()
    return _told(error) if error is not None else ""


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
