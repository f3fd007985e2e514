"""A producer that cannot reach its cluster says so in time; the rest is in plugins/test_kafka_logger.py."""

import time

import pytest
from tollhouse.dataplane.runtime.sinks.kafka import open_topic
from tollhouse.dataplane.services import TopicTarget


async def test_nobody_there_is_told_within_the_timeout():
    """As an OSError, which loggers know; the password shows nowhere."""
    target = TopicTarget(("127.0.0.1:1",), "t", timeout_s=1, linger_s=0, mechanism="PLAIN", user="u", password="hush")
    producer = open_topic(target)
    began = time.monotonic()
    with pytest.raises(OSError) as failure:
        await producer.send([b"x"], None, one_by_one=False)
    assert time.monotonic() - began < 3
    assert "hush" not in str(failure.value) + repr(target)
    await producer.close()
