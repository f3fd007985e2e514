"""Writes to Kafka topics. The client is an extra, and loaded only where a place logs to Kafka."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any

from tollhouse.dataplane.services import Producer, TopicTarget

MISSING = (
    "kafka-logger: the Kafka client is not installed on this node; install the package with its extra: "
    "pip install 'tollhouse[kafka]'"
)


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
            async with asyncio.timeout(self._target.timeout_s + self._target.linger_s):
                waiting = []
                for message in messages:
                    sent = await producer.send(self._target.topic, message, key=key)
                    if one_by_one:
                        await sent
                    else:
                        waiting.append(sent)
                await asyncio.gather(*waiting)
        except KafkaError as error:
            raise OSError(f"{type(error).__name__}: {error}") from None

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
