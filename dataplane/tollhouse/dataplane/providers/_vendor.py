"""The usual vendor: its failures read by what its error documentation says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tollhouse.dataplane.provider import Provider, UpstreamFailure
from tollhouse.dataplane.providers import _failures
from tollhouse.dataplane.providers._says import Says


class Vendor(Provider):
    """Everything but the data."""

    says: ClassVar[tuple[Says, ...]] = ()
    """What its error documentation says beyond what all vendors mean, first line first."""

    def read_failure(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
        """By the words of the error document first, by the status second."""
        return _failures.read_failure(status, headers, body, self.says)

    def read_stream_failure(self, error_type: str, message: str, body: Any = None) -> UpstreamFailure:
        """By the words of the event."""
        return _failures.read_stream_failure(error_type, message, body, self.says)
