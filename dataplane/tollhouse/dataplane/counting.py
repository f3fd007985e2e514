"""What plugins that limit have in common: who keeps the count, under which key, and what to do when it is not kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field
from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.plugin import PluginConfig, Secret
from tollhouse.dataplane.services import CounterPolicy, Limit, Secrets, Taken
from tollhouse.dataplane.variables import Template

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply

WindowKind = Literal["fixed", "sliding"]

_MOST_KNOWN = 10_000

MOST_TEXT_KEY = 256
"""Longer keys are hashed: clients may write them."""


class SentinelNode(PluginConfig):
    """Where a Redis sentinel listens."""

    host: str = Field(min_length=1)
    """Host name or address."""
    port: int = Field(ge=1, le=65535)
    """Port."""


class CountingConfig(PluginConfig):
    """Who keeps the counts (APISIX's ``policy`` and ``redis_*`` fields)."""

    policy: Literal["local", "redis", "redis-cluster", "redis-sentinel"] = "local"
    """``local``: all workers of this node count together. The others: all nodes count together, in Redis."""
    allow_degradation: bool = False
    """Let requests pass while the store cannot be reached. Written out as false they are refused (500) instead."""
    on_store_failure: Literal["reject", "allow", "local"] | None = None
    """While the store cannot be reached: refuse, let pass, or count on this node alone. Without it and without
    ``allow_degradation`` it is ``local``."""
    redis_host: str | None = Field(default=None, min_length=2)
    """Host of the Redis server; needed with policy ``redis``."""
    redis_port: int = Field(default=6379, ge=1, le=65535)
    """Port of the Redis server."""
    redis_username: str | None = Field(default=None, min_length=1)
    """User, where Redis has access control lists."""
    redis_password: Secret | None = None
    """Password."""
    redis_database: int = Field(default=0, ge=0)
    """Number of the database."""
    redis_timeout: int = Field(default=1000, ge=1)
    """Longest wait for an operation, in milliseconds."""
    redis_ssl: bool = False
    """Speak TLS."""
    redis_ssl_verify: bool = False
    """Check the server's certificate."""
    redis_keepalive_timeout: int = Field(default=10000, ge=1000)
    """Accepted for APISIX's sake; connections are kept as long as the server keeps them."""
    redis_keepalive_pool: int = Field(default=100, ge=1)
    """Most connections to one Redis server."""
    redis_cluster_nodes: tuple[str, ...] | None = Field(default=None, min_length=1)
    """``host:port`` of some nodes; needed with policy ``redis-cluster``."""
    redis_cluster_name: str | None = None
    """A name for the cluster; needed with policy ``redis-cluster``."""
    redis_cluster_ssl: bool = False
    """Speak TLS to the cluster."""
    redis_cluster_ssl_verify: bool = False
    """Check the certificates of the cluster."""
    redis_sentinels: tuple[SentinelNode, ...] | None = Field(default=None, min_length=1)
    """The sentinels; needed with policy ``redis-sentinel``."""
    redis_master_name: str | None = Field(default=None, min_length=1)
    """The master the sentinels watch; needed with policy ``redis-sentinel``."""
    redis_role: Literal["master"] = "master"
    """Counts are kept on the master."""
    redis_connect_timeout: int = Field(default=1000, ge=1)
    """Accepted for APISIX's sake; ``redis_timeout`` bounds the whole operation."""
    redis_read_timeout: int = Field(default=1000, ge=1)
    """Accepted for APISIX's sake; ``redis_timeout`` bounds the whole operation."""
    sentinel_username: str | None = None
    """User at the sentinels."""
    sentinel_password: Secret | None = None
    """Password at the sentinels."""


_NEEDED = {
    "redis": ("redis_host",),
    "redis-cluster": ("redis_cluster_nodes", "redis_cluster_name"),
    "redis-sentinel": ("redis_sentinels", "redis_master_name"),
}

_CONNECTION = (
    "redis_host",
    "redis_port",
    "redis_username",
    "redis_password",
    "redis_database",
    "redis_timeout",
    "redis_ssl",
    "redis_ssl_verify",
    "redis_keepalive_pool",
    "redis_cluster_nodes",
    "redis_cluster_name",
    "redis_master_name",
    "sentinel_username",
    "sentinel_password",
)


def check_counting(config: CountingConfig) -> list[str]:
    """What is missing for the policy."""
    return [
        f"{name}: needed with policy {config.policy!r}"
        for name in _NEEDED.get(config.policy, ())
        if not getattr(config, name)
    ]


def counter_policy(config: CountingConfig, secrets: Secrets) -> CounterPolicy:
    """The policy for the counters' port. Raises GatewayFault when a secret cannot be resolved."""
    on_failure = config.on_store_failure
    if on_failure is None and config.allow_degradation:
        on_failure = "allow"
    elif on_failure is None:
        on_failure = "reject" if "allow_degradation" in config.model_fields_set else "local"
    fields: dict[str, Any] = {}
    if config.policy != "local":
        fields = {name: getattr(config, name) for name in _CONNECTION if getattr(config, name) is not None}
        for name in ("redis_password", "sentinel_password"):
            if name in fields:
                fields[name] = secrets.reveal(fields[name])
        if config.policy == "redis-cluster":
            fields["redis_ssl"] = config.redis_cluster_ssl
            fields["redis_ssl_verify"] = config.redis_cluster_ssl_verify
        if config.redis_sentinels:
            fields["redis_sentinels"] = tuple(
                (("host", one.host), ("port", one.port)) for one in config.redis_sentinels
            )
    return CounterPolicy(config.policy, tuple(sorted(fields.items())), on_failure)


# --- keys ----------------------------------------------------------------------------------------------------------


def caller(ex: Exchange) -> str:
    """Who calls, for keys of limits: the consumer, else a fingerprint of the credential that was presented, else the
    client's address. So a limit per consumer holds on routes that identify nobody."""
    if ex.consumer_name:
        return ex.consumer_name
    shown = fingerprint(ex.headers)
    return shown or ex.client_ip


def fingerprint(headers: Mapping[str, str]) -> str:
    """A short name for the credential in a request; empty when there is none. It cannot be turned back into it."""
    for name in ("authorization", "x-api-key", "apikey", "api-key"):
        shown = headers.get(name)
        if shown:
            secret = shown[7:] if shown[:7].lower() == "bearer " else shown
            return "key-" + hashlib.sha256(secret.strip().encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return ""


def key_template(text: str) -> Template:
    """A key with variables in it; ``$consumer_name`` is the ``caller``."""
    return Template(text, {"consumer_name": caller})


def bounded(key: str) -> str:
    """The key, or its hash when it is long."""
    if len(key) <= MOST_TEXT_KEY:
        return key
    return "sha256-" + hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


class Amount:
    """A number in a config that may be a variable: ``100`` or ``"$http_x_quota"``."""

    __slots__ = ("_fixed", "_template", "text")

    def __init__(self, written: int | str) -> None:
        self.text = str(written)
        is_number = isinstance(written, int) or written.strip().isdigit()
        self._fixed: int | None = int(written) if is_number else None
        self._template = None if is_number else Template(str(written))

    @property
    def is_fixed(self) -> bool:
        """It is the same for all requests."""
        return self._fixed is not None

    def __call__(self, ex: Exchange) -> int | None:
        """The number for a request; None when the variable does not hold a whole number above 0."""
        if self._fixed is not None:
            return self._fixed
        assert self._template is not None
        text = self._template(ex).strip()
        return int(text) if text.isdecimal() and len(text) < 16 and int(text) > 0 else None


class Limits:
    """One limit under many keys. Where its numbers are fixed each key's is made once: counters know it again."""

    __slots__ = ("_amount", "_kind", "_known", "_policy", "_prefix", "_window", "text")

    def __init__(
        self, prefix: str, amount: int | str, window: int | str, kind: WindowKind, policy: CounterPolicy
    ) -> None:
        self._prefix = prefix
        self._amount, self._window = Amount(amount), Amount(window)
        self._kind: WindowKind = kind
        self._policy = policy
        self._known: dict[str, Limit] = {}
        self.text = f"{amount} or {window}"

    def of(self, ex: Exchange, key: str | None = None) -> Limit | None:
        """The limit a request meets under a key; None when its variables hold no whole numbers above 0."""
        found = self._known.get(key or "")
        if found is not None:
            return found
        amount, window = self._amount(ex), self._window(ex)
        if amount is None or window is None:
            return None
        name = self._prefix if key is None else f"{self._prefix}:{bounded(key)}"
        made = Limit(name, amount, window, self._kind, self._policy)
        if self._amount.is_fixed and self._window.is_fixed:
            if len(self._known) >= _MOST_KNOWN:  # keys may come from clients
                self._known.clear()
            self._known[key or ""] = made
        return made


def check_amount(name: str, written: int | str | None) -> list[str]:
    """What is wrong with such a number."""
    if written is None or (isinstance(written, int) and written > 0):
        return []
    if isinstance(written, str) and ("$" in written or (written.strip().isdigit() and int(written) > 0)):
        return []
    return [f"{name}: expected a whole number above 0 or a variable such as $http_x_quota, came {written!r}"]


def tell_limit(reply: Reply, names: tuple[str, str, str], limit: Limit, taken: Taken) -> None:
    """The headers that say limit, rest, and seconds to the reset."""
    if not dict(reply.headers).keys().isdisjoint(names):  # another limit of the same name, or the upstream's own
        reply.headers = [pair for pair in reply.headers if pair[0] not in names]
    of, left, reset = names
    reply.headers += (
        (of, str(limit.amount)),
        (left, str(taken.remaining)),
        (reset, str(int(taken.reset_s + 0.999))),
    )


def counters_down(message: str) -> GatewayError:
    """The answer when a limit cannot be checked and its policy is to refuse (APISIX: 500)."""
    return GatewayError(
        500,
        "limit_unavailable",
        f"{message}: the counter store cannot be reached. Try again later.",
        retry_after_s=5,
        apisix_body={"error_msg": message},
    )
