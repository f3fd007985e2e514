"""Where spans are posted to; the rest is tested with a receiver in test_tracing.py and the plugin's test."""

import pytest
from tollhouse.dataplane.runtime.telemetry.otlp import endpoint


def test_an_address_may_have_a_scheme():
    """Without one it is plain HTTP, as APISIX has it."""
    assert endpoint("127.0.0.1:4318", "/v1/traces") == "http://127.0.0.1:4318/v1/traces"
    assert endpoint("https://otel.example/", "/v1/traces") == "https://otel.example/v1/traces"


def test_what_is_no_address_is_named():
    """The field and the value."""
    with pytest.raises(ValueError, match=r"collector\.address.*ftp"):
        endpoint("ftp://x", "/v1/traces")
