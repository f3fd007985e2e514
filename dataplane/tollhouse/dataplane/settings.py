"""What the process is started with: flags, and the environment for what flags leave open."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from typing import Any

from tollhouse.dataplane.redis_place import FORMS, place_of_address
from tollhouse.proto.keys import DEFAULT_FLEET_PREFIX, DEFAULT_PREFIX

OWN_COUNTS = ("node", "shared")
OTHER_NODE = "node://"
"""``budget_store``: who counts. Anything else is an address of Redis."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a node is told at its start; never changed while it runs. Secrets do not show in its repr."""

    etcd: tuple[str, ...] = ("127.0.0.1:2379",)
    etcd_user: str = ""
    etcd_password: str = field(default="", repr=False)
    etcd_ca: str = ""
    etcd_cert: str = ""
    etcd_key: str = ""
    prefix: str = DEFAULT_PREFIX
    fleet_prefix: str = DEFAULT_FLEET_PREFIX
    config: tuple[str, ...] = ()
    """Standalone configuration files; when given, etcd is not used."""
    workers: int = 2
    http_listen: str = "127.0.0.1:9080"
    https_listen: str = "127.0.0.1:9443"
    control_listen: str = "127.0.0.1:9090"
    grpc_listen: str = "127.0.0.1:9092"
    node_id: str = ""
    hostname: str = ""
    state_dir: str = ".tollhouse/node"
    access_log: str = ""
    log_max_mb: int = 0
    log_every_hours: int = 0
    log_keep: int = 7
    log_level: str = "info"
    max_body_bytes: int = 32 * 1024 * 1024
    max_header_bytes: int = 64 * 1024
    header_timeout_s: float = 15.0
    body_timeout_s: float = 60.0
    idle_timeout_s: float = 75.0
    keepalive_s: float = 20.0
    max_under_way: int = 4000
    drain_timeout_s: float = 30.0
    heartbeat_timeout_s: float = 8.0
    max_series: int = 2000
    budget_store: str = field(default="node", repr=False)
    budget_store_ca: str = ""
    control_plane: str = ""
    control_plane_ca: str = ""
    trusted_proxies: tuple[str, ...] = ()
    sealing_key: str = field(default="", repr=False)
    admin_key: str = field(default="", repr=False)
    control_plane_key: str = field(default="", repr=False)
    client_cert: str = ""
    client_key: str = ""
    grpc_cert: str = ""
    grpc_key: str = ""
    grpc_client_ca: str = ""

    @property
    def key_for_control_plane(self) -> str:
        """What the node shows to the control plane."""
        return self.control_plane_key or self.admin_key


_HELP = {
    "etcd": "etcd endpoint, host:port or URL (repeatable)",
    "etcd_user": "etcd user; a read-only one is enough for the configuration",
    "etcd_password": "",
    "etcd_ca": "file with the CA of etcd's certificate; turns TLS on",
    "etcd_cert": "client certificate file for etcd",
    "etcd_key": "key file of the client certificate for etcd",
    "prefix": "etcd prefix of the configuration",
    "fleet_prefix": "etcd prefix under which nodes register",
    "config": "serve this file (or folder) instead of etcd (repeatable)",
    "workers": "worker processes sharing the port",
    "http_listen": "where agents send traffic; empty: not at all",
    "https_listen": "the same over TLS, certificates from `ssls`; empty: not at all",
    "control_listen": "health, readiness and metrics; empty: not at all",
    "grpc_listen": "gRPC NodeService; empty: not at all",
    "node_id": "name of the node in the fleet; default: kept in the state folder",
    "hostname": "shown for the node; default: the machine's",
    "state_dir": "folder for what the node keeps over restarts",
    "access_log": "file for the access log, - for standard output; empty: none",
    "log_max_mb": "log files of this size begin anew, in MB; 0: they grow",
    "log_every_hours": "log files begin anew every so many hours (UTC); 0: not by time",
    "log_keep": "older log files kept, all but the newest compressed",
    "log_level": "debug, info, warning or error",
    "max_body_bytes": "longest request body",
    "max_header_bytes": "longest request head",
    "header_timeout_s": "seconds a client has to send a request's head",
    "body_timeout_s": "longest pause in a request's body, in seconds",
    "idle_timeout_s": "seconds an idle client connection is kept",
    "keepalive_s": "seconds of silence after which whoever waits for a stream is sent a sign of life; 0: never",
    "max_under_way": "attempts on providers a worker has under way at most; more are refused at once with 503",
    "drain_timeout_s": "seconds running replies get to finish on SIGTERM",
    "heartbeat_timeout_s": "a worker silent for so many seconds is replaced",
    "max_series": "time series per metric and worker before further label values become `other`",
    "budget_store": "who counts budgets: node (each node for itself), shared (this node, for others too), "
    "node://HOST:PORT (that node's gRPC port), redis://HOST:PORT/DB, redis-cluster:// or redis-sentinel://",
    "budget_store_ca": "file with the CA of the certificate of the node that counts (node://); turns TLS on",
    "control_plane": "host:port of the control plane's gRPC API, to send usage records to; empty: none are kept",
    "control_plane_ca": "file with the CA of the control plane's certificate; turns TLS on",
    "trusted_proxies": "address or CIDR whose X-Forwarded-For is believed (repeatable)",
    "sealing_key": "",
    "admin_key": "",
    "control_plane_key": "",
    "client_cert": "certificate file the node shows to the control plane and to the node that counts",
    "client_key": "key file of that certificate",
    "grpc_client_ca": "file with the CA that must have signed the certificates of callers of the gRPC port",
    "grpc_cert": "certificate file of the gRPC port; turns TLS on",
    "grpc_key": "key file of the gRPC port's certificate",
}
"""Texts of the flags. Secrets have none and no flag either: a command line is visible to every user of a machine."""

LOG_LEVELS = ("debug", "info", "warning", "error")


def parse_settings(arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Flags win over ``TOLLHOUSE_<FLAG>`` variables, these over defaults. Exits with status 2 on a bad value."""
    environ = os.environ if environ is None else environ
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    values: dict[str, Any] = {}
    for item in fields(Settings):
        value: Any = given.get(item.name)
        if value is None:
            value = environ.get(f"TOLLHOUSE_{item.name.upper()}")
        if value is None:
            continue
        try:
            values[item.name] = _convert(item.default, value)
        except ValueError:
            parser.error(f"--{item.name.replace('_', '-')}: expected a number, came {value!r}")
    settings = Settings(**values)
    complaint = _complaint(settings)
    if complaint:
        parser.error(complaint)
    return settings


def split_address(address: str) -> tuple[str, int]:
    """``host:port`` (IPv6 in brackets, or a bare port) as a pair. Raises ValueError."""
    host, _, port = address.rpartition(":")
    number = int(port)
    if not 0 <= number <= 65535:
        raise ValueError(f"port {number} is not between 0 and 65535")
    return host.strip("[]") or "127.0.0.1", number


def own_hostname(settings: Settings) -> str:
    """The node's host name as shown to people and in labels."""
    return settings.hostname or socket.gethostname()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tollhouse-dataplane",
        description="Serve agents: one node of the gateway. Every flag can also be set as TOLLHOUSE_<FLAG>.",
        epilog="Secrets come from the environment only: TOLLHOUSE_SEALING_KEY, TOLLHOUSE_ADMIN_KEY (token of the gRPC "
        "port), TOLLHOUSE_CONTROL_PLANE_KEY (shown to the control plane; default: the former), "
        "TOLLHOUSE_ETCD_PASSWORD.",
    )
    parser.add_argument("--version", action="version", version=f"tollhouse-dataplane {version('tollhouse')}")
    for item in fields(Settings):
        text = _HELP[item.name]
        if not text:
            continue
        flag = f"--{item.name.replace('_', '-')}"
        default: Any = item.default
        repeatable = isinstance(default, tuple)
        shown = ",".join(default) if repeatable else default
        help_text = f"{text} (default: {shown})" if shown not in ("", None) else text
        parser.add_argument(flag, action="append" if repeatable else "store", default=None, help=help_text)
    return parser


def _convert(default: Any, value: Any) -> Any:
    if isinstance(default, tuple):
        parts = value if isinstance(value, list) else [value]
        return tuple(piece.strip() for part in parts for piece in part.split(",") if piece.strip())
    if isinstance(default, int):
        return int(value)
    if isinstance(default, float):
        return float(value)
    return str(value)


def _complaint(settings: Settings) -> str:
    if not 1 <= settings.workers <= 256:
        return f"--workers: expected 1 to 256, came {settings.workers}"
    if settings.max_under_way < 1:
        return f"--max-under-way: expected 1 or more, came {settings.max_under_way}"
    if settings.log_level not in LOG_LEVELS:
        return f"--log-level: expected one of {', '.join(LOG_LEVELS)}, came {settings.log_level!r}"
    for name in ("log_max_mb", "log_every_hours", "log_keep", "keepalive_s"):
        if getattr(settings, name) < 0:
            return f"--{name.replace('_', '-')}: expected 0 or more, came {getattr(settings, name)}"
    for name in ("http_listen", "https_listen", "control_listen", "grpc_listen"):
        address = getattr(settings, name)
        try:
            if address:
                split_address(address)
        except ValueError:
            return f"--{name.replace('_', '-')}: expected host:port, came {address!r}"
    if bool(settings.grpc_cert) != bool(settings.grpc_key):
        return "--grpc-cert and --grpc-key: give both or none"
    if bool(settings.client_cert) != bool(settings.client_key):
        return "--client-cert and --client-key: give both or none"
    if settings.grpc_client_ca and not settings.grpc_cert:
        return "--grpc-client-ca: needs --grpc-cert and --grpc-key"
    complaint = _store_complaint(settings.budget_store)
    if complaint:
        return complaint
    if not settings.prefix.startswith("/") or settings.prefix.endswith("/"):
        return f"--prefix: expected a path like /apisix, without a slash at its end, came {settings.prefix!r}"
    return ""


def _store_complaint(store: str) -> str:
    if store in OWN_COUNTS:
        return ""
    try:
        if store.startswith(OTHER_NODE):
            split_address(store.removeprefix(OTHER_NODE))
        else:
            place_of_address(store)
    except ValueError as error:
        told = str(error)
        allowed = "node, shared, node://HOST:PORT, or an address of Redis"
        return f"--budget-store: {allowed}: {told if FORMS in told else f'{told}; expected {FORMS}'}"
    return ""
