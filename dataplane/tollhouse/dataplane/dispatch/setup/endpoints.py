"""Where a vendor is reached: address, path, authentication. Built once per configuration, shared by its targets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from urllib.parse import quote, urlsplit

from tollhouse.dataplane.dispatch.setup.probed import Probe
from tollhouse.dataplane.provider import Provider
from tollhouse.dataplane.services import Secrets
from tollhouse.dataplane.transport import Origin
from tollhouse.proto.resources.price import Price

OVERRIDE = "TOLLHOUSE_ENDPOINT_"
"""Environment variables by which a node sends a vendor type's traffic elsewhere: ``TOLLHOUSE_ENDPOINT_OPENAI``."""

_BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One account at one address."""

    provider: Provider
    name: str
    """The provider's id in the configuration, or its type."""
    origin: Origin
    path: str
    """The whole path when the configured address has one of its own; empty: the vendor's path per protocol."""
    query: str
    headers: tuple[tuple[str, str], ...] = ()
    """Lower-case name, value or secret reference. Revealed anew for every attempt, never shown."""
    query_auth: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    """What comes before the vendor's path, for vendors that join it to the configured one."""
    credentials: tuple[tuple[str, str], ...] = ()
    """What requests are signed with (``Provider.signs``): name, value or secret reference. Never shown."""
    url: str = ""
    """The address as configured."""
    region: str = ""
    """The cloud's region, from the address or the signing key; empty: not known."""
    key: str = ""
    """Tells accounts apart: two endpoints with one key share their breaker."""
    has_references: bool = True
    """Whether ``headers`` hold references to secrets."""
    prices: Mapping[str, Price] = field(default_factory=dict, hash=False)
    """What this account pays where it is not what everybody does, by the names and patterns of models."""
    probe: Probe | None = field(default=None, hash=False)
    """How it is probed; None: not at all."""

    def target(self, protocol: str, model: str = "", *, stream: bool = False, rest: str = "") -> str:
        """Path and query of the request line for a protocol."""
        path = self.path
        if not path:
            provider = self.provider
            path = self.prefix + ((stream and provider.streams.get(protocol)) or provider.speaks.get(protocol, "/"))
        if "{model}" in path:
            path = path.replace("{model}", quote(model, safe="" if self.provider.encodes_model else ":"))
        path = path.replace("{rest}", quote(rest, safe="/"))
        if not self.query:
            return path
        return f"{path}{'&' if '?' in path else '?'}{self.query}"

    def revealed(self, secrets: Secrets, protocol: str = "") -> list[tuple[str, str]]:
        """The headers to send, secrets in the clear. Raises GatewayFault ``secret_unavailable``."""
        shown = list(self.headers)
        if self.has_references:
            shown = [(name, secrets.reveal_header(value)) for name, value in shown]
        wanted = self.provider.key_headers.get(protocol)
        if wanted is None:
            return shown
        return [
            (wanted, value[len(_BEARER) :]) if name == "authorization" and value.startswith(_BEARER) else (name, value)
            for name, value in shown
        ]


def build_endpoint(
    provider: Provider,
    name: str,
    *,
    url: str = "",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    further: Mapping[str, str] | None = None,
    verify: bool = True,
    credentials: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    region: str = "",
) -> Endpoint:
    """An endpoint from what a configuration says. No ``headers`` and no ``query``: the vendor's usual environment
    variable is the key. Raises ValueError naming the remedy when there is no usable address."""
    address = url or _override(provider, environment) or provider.endpoint
    if not address:
        raise ValueError(
            f"provider {name!r} of type {provider.type!r} has no address of its own: configure an endpoint"
        )
    scheme, host, port, path, arguments = _split(address)
    auth = {key.lower(): value for key, value in (headers or {}).items()}
    if not headers and not query and provider.default_key:
        auth = {provider.auth_header: f"{provider.auth_scheme}{provider.default_key}"}
    signing = dict(credentials or {})
    if not signing and not headers and not query:
        signing = dict(provider.credentials)
    sent = {**{key.lower(): value for key, value in (further or {}).items()}, **auth}
    identity = (
        f"{provider.type}|{address}|{sorted(auth.items())}|{sorted((query or {}).items())}|{sorted(signing.items())}"
    )
    return Endpoint(
        provider=provider,
        name=name,
        origin=Origin("https" if scheme == "https" else "http", host, port, verify=verify),
        path="" if provider.joins_path or _is_part(path, provider) else path,
        prefix=path.rstrip("/") if provider.joins_path else "",
        credentials=tuple(signing.items()),
        query=arguments,
        headers=tuple(sent.items()),
        query_auth=tuple((query or {}).items()),
        url=address,
        region=region or signing.get("region", "") or _region(host),
        key=blake2b(identity.encode(), digest_size=8).hexdigest(),
        has_references=any("$" in value for value in sent.values()),
    )


_REGION = re.compile(
    r"^bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.|^([a-z0-9-]+)-aiplatform\.googleapis|^([a-z0-9-]+)\.api\.(?:openai|cognitive)\."
)


def _region(host: str) -> str:
    """As clouds write it into their hosts."""
    found = _REGION.match(host)
    return next((part for part in found.groups() if part), "") if found else ""


def _override(provider: Provider, environment: Mapping[str, str] | None) -> str:
    known = os.environ if environment is None else environment
    return known.get(OVERRIDE + provider.type.upper().replace("-", "_"), "")


def _split(address: str) -> tuple[str, str, int, str, str]:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the endpoint {address!r} is not an http:// or https:// address")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise ValueError(f"the port of the endpoint {address!r} is not a number up to 65535") from None
    return parts.scheme, parts.hostname, port, parts.path, parts.query


def _is_part(path: str, provider: Provider) -> bool:
    """Whether a path is none, or only the beginning of the vendor's own (``/v1``, as SDKs write base addresses)."""
    bare = path.rstrip("/")
    return not bare or any(whole.startswith(bare + "/") for whole in provider.speaks.values())
