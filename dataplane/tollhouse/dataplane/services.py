"""The ports a plugin may ask for. ``runtime`` implements them; tests bring their own."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec
from tollhouse.dataplane.records.trace import Collector, SpanSink
from tollhouse.dataplane.spending import Alert, Asked, AttemptLog, BudgetCounts, Need
from tollhouse.dataplane.transport import Transport
from tollhouse.proto.guessing import Guesses
from tollhouse.proto.sealing import names_secret


class Clock(Protocol):
    """Time, as an argument."""

    def monotonic(self) -> float:
        """Seconds that only go forward."""

    def time(self) -> float:
        """Epoch seconds."""

    async def sleep(self, seconds: float) -> None: ...


class Luck(Protocol):
    """Randomness, as an argument (``random.Random`` fits)."""

    def random(self) -> float:
        """0 <= x < 1."""


# --- counters ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CounterPolicy:
    """Who keeps a count: this node, or a Redis shared by all nodes (APISIX's ``policy`` and ``redis_*`` fields)."""

    authority: Literal["local", "redis", "redis-cluster", "redis-sentinel"] = "local"
    redis: tuple[tuple[str, Any], ...] = ()
    """The connection fields as sorted pairs, so that equal configs share one connection."""
    on_failure: Literal["reject", "allow", "local"] = "reject"
    """When the authority cannot be reached: refuse, let pass, or go on counting on this node alone."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``amount`` units per ``window_s`` seconds under ``key``. The key never depends on a config's hash, so
    changing an amount does not reset the count."""

    key: str
    amount: int
    window_s: int
    kind: Literal["fixed", "sliding"] = "fixed"
    policy: CounterPolicy = CounterPolicy()


class Taken(msgspec.Struct, frozen=True):
    """What came of asking for some units."""

    allowed: bool
    remaining: int
    """Units left in the window after this, never below 0."""
    reset_s: float
    """Seconds until the window ends (fixed) or room appears (sliding)."""
    window: int = 0
    """Names the window the units were counted in, for ``settle``; 0 when unknown."""


class CounterUnavailable(Exception):
    """The authority could not be reached and the policy is ``reject``."""


class Counters(ABC):
    """Counts shared by all workers of a node, or by all nodes."""

    @abstractmethod
    async def take(self, limit: Limit, amount: int = 1, *, partial: bool = False) -> Taken:
        """Take units if they are there: all or nothing (``partial``: allowed while at least one is left, taking the
        rest into the negative). Raises CounterUnavailable."""

    def at_hand(self, limit: Limit, amount: int = 1) -> Taken | None:
        """What ``take`` gives where nobody has to be asked for it, which is nearly always; None: ``take`` them."""
        return None

    @abstractmethod
    def settle(self, limit: Limit, difference: int, taken: Taken | None = None) -> None:
        """Correct an earlier ``take``: positive takes more (also past the limit), negative gives back. Never waits.
        Pass what the ``take`` returned: units of a window that has ended meanwhile are then not given to the next."""

    @abstractmethod
    async def look(self, limit: Limit) -> Taken:
        """What is left, taking nothing; ``allowed``: one unit could be taken. Raises CounterUnavailable."""


# --- metrics -------------------------------------------------------------------------------------------------------


class Cell(ABC):
    """One time series of a counter or gauge. Keep it; do not look it up per request."""

    @abstractmethod
    def add(self, amount: float = 1) -> None: ...

    @abstractmethod
    def set(self, value: float) -> None: ...


class Distribution(ABC):
    """One time series of a histogram."""

    observe: Callable[[float], None]
    """Count a value."""

    @abstractmethod
    def exemplify(self, value: float, trace_id: str) -> None:
        """A trace in which a value came about, to be shown as its bucket's example."""


class Metrics(ABC):
    """Plain numbers of this worker; the node adds up its workers when scraped. Families are declared once, by name."""

    @abstractmethod
    def counter(self, name: str, help: str, labels: tuple[str, ...]) -> Callable[..., Cell]:
        """A function from label values (positional, in order) to the cell. Cells are cached; a family that grows past
        its bound folds further values into ``other``."""

    @abstractmethod
    def gauge(self, name: str, help: str, labels: tuple[str, ...]) -> Callable[..., Cell]: ...

    @abstractmethod
    def histogram(
        self, name: str, help: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> Callable[..., Distribution]: ...

    @abstractmethod
    async def exposition(self) -> bytes:
        """The whole node in Prometheus' text format (all workers added up)."""


# --- secrets -------------------------------------------------------------------------------------------------------


class Secrets(ABC):
    """Turns what a config holds into the value itself. Never log what comes out."""

    @abstractmethod
    def reveal(self, text: str) -> str:
        """Resolve ``$env://``, ``$secret://`` and sealed values; other text is returned as it is. Raises GatewayFault
        ``secret_unavailable`` naming the reference (never the value)."""

    def reveal_header(self, value: str) -> str:
        """The same for a header's value, where a scheme may stand before the reference (``Bearer $env://KEY``)."""
        head, dollar, reference = value.partition("$")
        if not dollar or (head and not head.endswith(" ")):
            return value
        shown = head + self.reveal(dollar + reference).strip()
        if not head and " $" in shown and names_secret(shown):  # sealed as a whole, by a release that did so
            return self.reveal_header(shown)
        return shown


# --- logs ----------------------------------------------------------------------------------------------------------


class LogFiles(ABC):
    """Lines appended to files in the background; nothing here ever waits for a disk."""

    @abstractmethod
    def append(self, path: str, line: bytes) -> bool:
        """Add a line (its end is added) to a file, ``-`` for standard output. False: the backlog is full and the line
        was dropped (and counted)."""


class Wire(Protocol):
    """A connection to a log server that only listens: bytes go out, nothing comes back."""

    async def send(self, data: bytes) -> None:
        """Hand over some bytes (one datagram over UDP). Raises OSError, TimeoutError among them."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class WireTarget:
    """Where a wire leads."""

    host: str
    port: int
    kind: Literal["tcp", "udp", "tls"] = "tcp"
    timeout_s: float = 3.0


Dial = Callable[[WireTarget], Awaitable[Wire]]
"""Connects. Raises OSError, TimeoutError among them."""


@dataclass(frozen=True, slots=True)
class TopicTarget:
    """A topic of a Kafka cluster, and how to speak to it."""

    brokers: tuple[str, ...]
    """``host:port``."""
    topic: str
    acks: Literal["leader", "all"] = "leader"
    timeout_s: float = 3.0
    linger_s: float = 1.0
    batch_bytes: int = 1_048_576
    refresh_s: float = 30.0
    mechanism: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False


class NotAcknowledged(OSError):
    """Some messages did not arrive, as far as is known."""

    def __init__(self, reason: str, left: Sequence[bytes]) -> None:
        super().__init__(reason)
        self.left = left


class Producer(Protocol):
    """Writes to one topic. Connects with the first message."""

    async def send(self, messages: Sequence[bytes], key: bytes | None, *, one_by_one: bool) -> None:
        """Return once all were acknowledged; ``one_by_one``: each before the next. Raises NotAcknowledged, with those
        that were not."""

    async def close(self) -> None:
        """Let go of the cluster."""


# --- all of them ---------------------------------------------------------------------------------------------------


Spawn = Callable[[Coroutine[Any, Any, None], str], None]
"""Run a coroutine in the background under a name; it is kept, watched, and cancelled at shutdown."""


@dataclass(slots=True)
class Services:
    """What a plugin gets to work with; one per worker."""

    clock: Clock
    luck: Luck
    counters: Counters
    metrics: Metrics
    secrets: Secrets
    transport: Transport
    spawn: Spawn
    hostname: str = ""
    node_id: str = ""
    worker: int = 0
    workers: int = 1
    """Which of how many workers of the node this is: bounds that hold for the node are divided among them."""
    targets: Any = None
    """Health and load of targets, shared by all routes of the worker: ``dispatch.choosing.targets.TargetStates``."""
    open_spans: Callable[[Collector], SpanSink] | None = None
    """Where spans for a collector go; the same collector gives the same sink. Raises ValueError when this node cannot
    send any. None where nothing is traced (checking a config, tests)."""
    open_topic: Callable[[TopicTarget], Producer] | None = None
    """Raises ValueError where this node has no Kafka client. None where nothing is connected to."""
    dial: Dial | None = None
    """None where nothing is connected to (checking a config, tests)."""
    log_files: LogFiles | None = None
    """None where nothing is logged to files (checking a config, tests)."""
    budgets: BudgetCounts | None = None
    """None where nothing is spent (checking a config, tests): budgets are then not enforced."""
    attempt_log: AttemptLog | None = None
    """None where attempts are not written down."""
    ask_operators: Callable[[Need], Awaitable[Asked]] | None = None
    """Opens an approval, or finds the one that is there. None where nobody can be asked (tests)."""
    alert: Callable[[Alert], None] | None = None
    """Has people told. None where nobody is (tests)."""
    waiting: Any = None
    """Who waits for budgets, shared by all routes of the worker: ``dispatch.money.waiting.Waiting``."""
    guesses: Guesses = field(default_factory=Guesses)
    """Wrong keys that were presented to this worker lately."""
    on_close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    digest_key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    """Keys the digests that stand for values in verdicts: one for a fleet with a sealing key, else one per process."""
