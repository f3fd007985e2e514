"""Where etcd is and how to be let in."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class EtcdSettings:
    """Settings of one client. Raises ValueError for endpoints that cannot be understood."""

    endpoints: tuple[str, ...] = ("http://127.0.0.1:2379",)
    """``http://host:port``, ``https://host:port`` or ``host:port``; all of one kind."""
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    """PEM of the authorities that may sign the server's certificate; empty: the system's."""
    cert_file: str = ""
    key_file: str = ""
    """PEM of the client's own certificate and key, for mTLS."""
    server_name: str = ""
    """The name expected in the server's certificate, when it is not the host of the endpoint."""
    timeout_s: float = 3.0
    """The longest wait for one answer from one endpoint."""
    watchdog_interval_s: float = 1.0
    """How often an open watch is asked for a sign of life."""
    watchdog_silence_s: float = 2.5
    """A watch that is silent for longer is opened anew on the next endpoint."""

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise ValueError("no etcd endpoint is given; name at least one, for example http://127.0.0.1:2379")
        if len({self._split(endpoint)[0] for endpoint in self.endpoints}) > 1:
            raise ValueError(f"etcd endpoints mix http and https: {', '.join(self.endpoints)}; use one for all of them")
        if bool(self.cert_file) != bool(self.key_file):
            raise ValueError("a client certificate needs both its certificate file and its key file")

    @property
    def secure(self) -> bool:
        """Whether the endpoints are spoken to over TLS."""
        return self._split(self.endpoints[0])[0] == "https"

    @property
    def targets(self) -> tuple[str, ...]:
        """The endpoints as gRPC names them: ``host:port``."""
        return tuple(self._split(endpoint)[1] for endpoint in self.endpoints)

    def _split(self, endpoint: str) -> tuple[str, str]:
        text = endpoint if "://" in endpoint else f"{'https' if self.ca_file else 'http'}://{endpoint}"
        parts = urlsplit(text)
        try:
            port = parts.port or 2379
        except ValueError:
            port = 0
        if parts.scheme not in ("http", "https") or not parts.hostname or not port or parts.path not in ("", "/"):
            raise ValueError(f"{endpoint!r} is not an etcd endpoint; expected http://host:port or https://host:port")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return parts.scheme, f"{host}:{port}"
