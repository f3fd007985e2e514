"""gRPC channels a node opens: to the control plane, and to the node that counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from tollhouse.dataplane.settings import Settings


def open_channel(settings: Settings, address: str, ca_file: str, options: Sequence[tuple[str, Any]]) -> Any:
    """With TLS where a CA is named, showing the node's own certificate where it has one. The caller closes it. Raises
    OSError for files that cannot be read."""
    if not ca_file:
        return grpc.aio.insecure_channel(address, options=options)
    pair: tuple[bytes | None, bytes | None] = (None, None)
    if settings.client_cert:
        pair = (Path(settings.client_key).read_bytes(), Path(settings.client_cert).read_bytes())
    credentials = grpc.ssl_channel_credentials(Path(ca_file).read_bytes(), *pair)
    return grpc.aio.secure_channel(address, credentials, options=options)
