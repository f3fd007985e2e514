"""What the control plane is started with: flags over environment over defaults, frozen once read."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tollhouse.controlplane.access import AdminKey, random_key
from tollhouse.controlplane.identities.flags import add_oidc_flags, keys_of_file, read_oidc
from tollhouse.controlplane.identities.oidc import OidcSettings
from tollhouse.proto.keys import DEFAULT_FLEET_PREFIX, DEFAULT_PREFIX

DEFAULT_LEDGER = ".tollhouse/ledger.sqlite"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one TLS side: our certificate and key, and the CA the other side must be signed by."""

    cert: str = ""
    key: str = ""
    ca: str = ""

    def check(self, what: str) -> None:
        """Raises ValueError for half a pair and for files that cannot be read."""
        if bool(self.cert) != bool(self.key):
            raise ValueError(f"{what}: a certificate needs its key and a key its certificate; one of them is missing")
        for path in filter(None, (self.cert, self.key, self.ca)):
            if not os.access(path, os.R_OK):
                raise ValueError(f"{what}: {path} cannot be read")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything configurable about one control-plane process."""

    etcd_endpoints: tuple[str, ...] = ("127.0.0.1:2379",)
    etcd_user: str = ""
    etcd_password: str = field(default="", repr=False)
    etcd_tls: TlsFiles = TlsFiles()
    prefix: str = DEFAULT_PREFIX
    fleet_prefix: str = DEFAULT_FLEET_PREFIX
    admin_listen: tuple[str, int] = ("127.0.0.1", 9180)
    grpc_listen: tuple[str, int] = ("127.0.0.1", 9181)
    admin_tls: TlsFiles = TlsFiles()
    """With ``ca`` set, clients of both faces must present a certificate signed by it."""
    keys: tuple[AdminKey, ...] = ()
    generated_key: str = field(default="", repr=False)
    """Set when no key was given: shown once at the start, never again."""
    cors_origin: str = ""
    node_key: str = field(default="", repr=False)
    """What this process shows to the nodes when the console asks them something."""
    node_ca: str = ""
    """CA of the nodes' gRPC certificates; without one they are asked without TLS."""
    node_tls: TlsFiles = TlsFiles()
    """What this process shows to nodes that want client certificates."""
    console: bool = True
    console_sample_s: float = 10.0
    """How often the console asks the nodes for their numbers."""
    sealing_key: str = field(default="", repr=False)
    ledger: str = field(default="", repr=False)
    """Where usage records are kept: a file, or the URL of a database; empty: nowhere."""
    ledger_keep_days: int = 90
    publish_prices: bool = True
    """Publish the price table this program comes with where none is published, or an older one."""
    audit: str = field(default="", repr=False)
    """Where the audit trail is kept, as for the ledger; empty: nowhere."""
    audit_seal_s: float = 300.0
    """How often a seal names the ends of all chains."""
    oidc: OidcSettings | None = None
    """The identity provider whose tokens are taken."""
    public_url: str = ""
    """Where people reach this process: what signed links begin with; empty: notifications carry none."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    flags = argparse.ArgumentParser(
        prog="tollhouse-controlplane", description="Serves the Admin API (REST and gRPC) over a configuration in etcd."
    )
    flags.add_argument("--version", action="store_true", help="print the version and exit")
    flags.add_argument("--etcd", help="endpoints, comma separated (default 127.0.0.1:2379; env TOLLHOUSE_ETCD)")
    flags.add_argument("--etcd-user", help="user, where etcd has auth (env TOLLHOUSE_ETCD_USER, ..._PASSWORD)")
    flags.add_argument("--etcd-ca", default="", help="CA certificate of etcd (PEM)")
    flags.add_argument("--etcd-cert", default="", help="client certificate for etcd (PEM)")
    flags.add_argument("--etcd-key", default="", help="key of that certificate (PEM)")
    flags.add_argument("--prefix", help=f"etcd prefix of the configuration (default {DEFAULT_PREFIX})")
    flags.add_argument("--fleet-prefix", help=f"etcd prefix where nodes register (default {DEFAULT_FLEET_PREFIX})")
    flags.add_argument("--admin-listen", help="host:port of the REST Admin API (default 127.0.0.1:9180)")
    flags.add_argument("--grpc-listen", help="host:port of the gRPC admin API (default 127.0.0.1:9181)")
    flags.add_argument("--tls-cert", default="", help="certificate of both listeners (PEM)")
    flags.add_argument("--tls-key", default="", help="key of that certificate (PEM)")
    flags.add_argument("--tls-client-ca", default="", help="require client certificates signed by this CA (PEM)")
    flags.add_argument(
        "--admin-keys-file", help='JSON file: [{"name": "ci", "key": "...", "role": "admin", "viewer" or another}]'
    )
    flags.add_argument("--node-ca", default="", help="CA of the nodes' gRPC certificates (PEM; default: no TLS)")
    flags.add_argument("--node-cert", default="", help="client certificate for the nodes' gRPC ports (PEM)")
    flags.add_argument("--node-key", default="", help="key of that certificate (PEM)")
    flags.add_argument("--no-console", action="store_true", help="do not serve the web console at /ui")
    flags.add_argument(
        "--ledger",
        help="where usage records are kept: a SQLite file, postgresql://..., or none (default "
        f"{DEFAULT_LEDGER}; env TOLLHOUSE_LEDGER, which does not show in the list of processes)",
    )
    flags.add_argument(
        "--audit",
        help="where the audit trail is kept: a SQLite file, postgresql://..., or none (default: where the ledger is; "
        "env TOLLHOUSE_AUDIT)",
    )
    flags.add_argument(
        "--audit-seal-s",
        type=float,
        default=300.0,
        help="seconds between seals that name the ends of all chains (default 300)",
    )
    flags.add_argument("--ledger-keep-days", help="days single records are kept; hourly sums stay (default 90)")
    flags.add_argument(
        "--no-publish-prices",
        action="store_true",
        help="leave publishing the price table to gatewayctl prices publish (default: where none is, or an older one)",
    )
    flags.add_argument(
        "--console-sample-s", type=float, default=10.0, help="seconds between the console's looks at the nodes"
    )
    flags.add_argument(
        "--public-url",
        help="where people reach the Admin API (https://gateway.example.com): notifications of approvals carry signed "
        "links there; needs TOLLHOUSE_SEALING_KEY (default: no links; env TOLLHOUSE_PUBLIC_URL)",
    )
    add_oidc_flags(flags)
    flags.add_argument("--cors-origin", help="origin browsers may call the Admin API from (default: none)")
    return flags


def read_settings(arguments: argparse.Namespace, env: Mapping[str, str]) -> Settings:
    """Raises ValueError with a sentence for the operator when something does not fit."""

    def pick(flag: str | None, variable: str, default: str) -> str:
        return flag or env.get(variable) or default

    etcd_tls = TlsFiles(arguments.etcd_cert, arguments.etcd_key, arguments.etcd_ca)
    admin_tls = TlsFiles(arguments.tls_cert, arguments.tls_key, arguments.tls_client_ca)
    node_tls = TlsFiles(arguments.node_cert, arguments.node_key, arguments.node_ca)
    node_tls.check("--node-cert/--node-key/--node-ca")
    etcd_tls.check("--etcd-cert/--etcd-key/--etcd-ca")
    admin_tls.check("--tls-cert/--tls-key/--tls-client-ca")
    if admin_tls.ca and not admin_tls.cert:
        raise ValueError("--tls-client-ca needs --tls-cert and --tls-key")
    keys = _keys(arguments.admin_keys_file or env.get("TOLLHOUSE_ADMIN_KEYS_FILE"), env)
    generated = "" if any(key.role == "admin" for key in keys) else random_key()
    if generated:
        keys = (*keys, AdminKey.of(generated, "admin", "generated"))
    endpoints = pick(arguments.etcd, "TOLLHOUSE_ETCD", "127.0.0.1:2379")
    return Settings(
        etcd_endpoints=tuple(part.strip() for part in endpoints.split(",") if part.strip()),
        etcd_user=pick(arguments.etcd_user, "TOLLHOUSE_ETCD_USER", ""),
        etcd_password=env.get("TOLLHOUSE_ETCD_PASSWORD", ""),
        etcd_tls=etcd_tls,
        prefix=_prefix("--prefix", pick(arguments.prefix, "TOLLHOUSE_PREFIX", DEFAULT_PREFIX)),
        fleet_prefix=_prefix(
            "--fleet-prefix", pick(arguments.fleet_prefix, "TOLLHOUSE_FLEET_PREFIX", DEFAULT_FLEET_PREFIX)
        ),
        admin_listen=_address(
            "--admin-listen", pick(arguments.admin_listen, "TOLLHOUSE_ADMIN_LISTEN", "127.0.0.1:9180")
        ),
        grpc_listen=_address("--grpc-listen", pick(arguments.grpc_listen, "TOLLHOUSE_GRPC_LISTEN", "127.0.0.1:9181")),
        admin_tls=admin_tls,
        keys=keys,
        oidc=read_oidc(arguments, env),
        generated_key=generated,
        node_key=env.get("TOLLHOUSE_NODE_KEY") or env.get("TOLLHOUSE_ADMIN_KEY", ""),
        node_ca=arguments.node_ca,
        node_tls=node_tls,
        console=not arguments.no_console,
        publish_prices=not arguments.no_publish_prices,
        console_sample_s=max(0.1, arguments.console_sample_s),
        cors_origin=pick(arguments.cors_origin, "TOLLHOUSE_CORS_ORIGIN", ""),
        sealing_key=env.get("TOLLHOUSE_SEALING_KEY", ""),
        ledger=_ledger(pick(arguments.ledger, "TOLLHOUSE_LEDGER", DEFAULT_LEDGER)),
        public_url=_public_url(pick(arguments.public_url, "TOLLHOUSE_PUBLIC_URL", "")),
        audit=_ledger(
            pick(arguments.audit, "TOLLHOUSE_AUDIT", pick(arguments.ledger, "TOLLHOUSE_LEDGER", DEFAULT_LEDGER)),
            "--audit",
        ),
        audit_seal_s=max(1.0, arguments.audit_seal_s),
        ledger_keep_days=_days(pick(arguments.ledger_keep_days, "TOLLHOUSE_LEDGER_KEEP_DAYS", "90")),
    )


def from_command_line(argv: Sequence[str] | None = None) -> Settings:
    """Flags and environment of this process."""
    return read_settings(parser().parse_args(argv), os.environ)


def _keys(file: str | None, env: Mapping[str, str]) -> tuple[AdminKey, ...]:
    found: list[AdminKey] = []
    if env.get("TOLLHOUSE_ADMIN_KEY"):
        found.append(AdminKey.of(env["TOLLHOUSE_ADMIN_KEY"], "admin", "TOLLHOUSE_ADMIN_KEY"))
    if env.get("TOLLHOUSE_VIEWER_KEY"):
        found.append(AdminKey.of(env["TOLLHOUSE_VIEWER_KEY"], "viewer", "TOLLHOUSE_VIEWER_KEY"))
    if file:
        found += keys_of_file(file)
    digests = [key.digest for key in found]
    if len(set(digests)) != len(digests):
        raise ValueError("the same admin key is given twice; one key has one name and one role")
    return tuple(found)


def _ledger(text: str, flag: str = "--ledger") -> str:
    if text == "none":
        return ""
    scheme = text.partition("://")[0] if "://" in text else "sqlite"
    if scheme.partition("+")[0] not in ("sqlite", "postgresql", "postgres"):
        raise ValueError(f"{flag}: {scheme} is not offered; use a file, sqlite:///, postgresql:// or none")
    return text


def _public_url(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError(f"--public-url: expected an https:// or http:// address, came {text!r}")
    return text


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 36500:
        raise ValueError(f"--ledger-keep-days: expected a number of days from 1, came {text!r}")
    return int(text)


def _address(flag: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{flag}: expected host:port, came {text!r}")
    return host.strip("[]") or "0.0.0.0", int(port)


def _prefix(flag: str, text: str) -> str:
    if not text.startswith("/") or text.endswith("/"):
        raise ValueError(f"{flag}: expected a path like /apisix, without a slash at its end; came {text!r}")
    return text
