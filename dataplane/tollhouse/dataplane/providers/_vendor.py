"""The usual vendor: failures read as most vendors mean them."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.dataplane.provider import Provider, UpstreamFailure
from tollhouse.dataplane.providers import _failures


class Vendor(Provider):
    """Everything but the data. Vendors with failures of their own override the two readers."""

    def read_failure(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
        """By the words of the error document first, by the status second."""
        return _failures.read_failure(status, headers, body)

    def read_stream_failure(self, error_type: str, message: str) -> UpstreamFailure:
        """By the words of the event."""
        return _failures.read_stream_failure(error_type, message)
