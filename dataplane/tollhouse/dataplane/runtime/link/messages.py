"""What a node's supervisor and its workers say to each other over a ``link``. Both ends are always of one
version, so messages are plain arrays.
"""

from __future__ import annotations

import msgspec
from tollhouse.dataplane.config.objects import Batch
from tollhouse.dataplane.services import Limit
from tollhouse.dataplane.settings import Settings
from tollhouse.dataplane.spending import Alert, Asked, Claim, Crossing, Need, Outcome
from tollhouse.proto.fleet import RefusedObject


class Hello(msgspec.Struct, tag="hello", frozen=True, array_like=True):
    """A worker's first word."""

    pid: int


class Start(msgspec.Struct, tag="start", frozen=True, array_like=True):
    """The supervisor's first word: what kind of worker to be."""

    settings: Settings
    node_id: str
    index: int
    http_address: str
    """Resolved: no port 0 any more. Empty: do not listen."""
    https_address: str
    own_places: tuple[tuple[str, int], ...] = ()
    """Hosts and ports of the gateway's own parts, where no traffic is sent."""


class Config(msgspec.Struct, tag="config", frozen=True, array_like=True):
    """A batch of configuration; the first one a worker gets is full."""

    batch: Batch


class SecretValues(msgspec.Struct, tag="secrets", frozen=True, array_like=True):
    """What ``$secret://`` references stand for, all of them, told before the configuration that names them."""

    values: dict[str, str]
    faults: dict[str, str]
    """Why others stand for nothing."""

    def __repr__(self) -> str:
        return f"SecretValues({len(self.values)} values, {len(self.faults)} faults)"


class Applied(msgspec.Struct, tag="applied", frozen=True, array_like=True):
    """The worker serves a snapshot that includes a batch."""

    revision: int
    refused: tuple[RefusedObject, ...]
    objects: dict[str, int]
    """How many of each kind are served."""
    build_ms: float
    error: str = ""
    """The batch could not be loaded at all (our fault); the worker serves what it served before."""


class Heartbeat(msgspec.Struct, tag="heartbeat", frozen=True, array_like=True):
    """The worker's loop turns."""

    exchanges: int = 0
    """Exchanges under way."""


class Drain(msgspec.Struct, tag="drain", frozen=True, array_like=True):
    """Stop accepting, let running replies finish for so long, then exit."""

    limit_s: float


# --- metrics -------------------------------------------------------------------------------------------------------


class Example(msgspec.Struct, frozen=True, array_like=True):
    """One value that fell into a bucket, and the trace it belongs to (an exemplar)."""

    bucket: int
    value: float
    trace_id: str
    at: float
    """Epoch seconds."""


class Series(msgspec.Struct, frozen=True, array_like=True):
    """One time series: ``counts`` and ``value`` (the sum) for a histogram, else ``value`` alone."""

    labels: tuple[str, ...]
    value: float
    counts: tuple[int, ...] = ()
    examples: tuple[Example, ...] = ()
    """Of a histogram's buckets."""


class Family(msgspec.Struct, frozen=True, array_like=True):
    """A metric with all its series."""

    name: str
    help: str
    kind: str
    """``counter``, ``gauge`` or ``histogram``."""
    label_names: tuple[str, ...]
    bounds: tuple[float, ...]
    series: list[Series]


class MetricsReport(msgspec.Struct, tag="metrics", frozen=True, array_like=True):
    """A worker's numbers: told now and then, and the answer to ``MetricsWanted``."""

    families: list[Family]


class MetricsWanted(msgspec.Struct, tag="metrics?", frozen=True, array_like=True):
    """Supervisor to worker: the numbers, now."""


class ExpositionWanted(msgspec.Struct, tag="exposition?", frozen=True, array_like=True):
    """Worker to supervisor: the whole node in Prometheus' text format."""


class Exposition(msgspec.Struct, tag="exposition", frozen=True, array_like=True):
    """The answer."""

    body: bytes


# --- counters ------------------------------------------------------------------------------------------------------


class Take(msgspec.Struct, tag="take", frozen=True, array_like=True):
    """Give back, then take (``engine.limits.Request``). Answered by ``Taking``."""

    limit: Limit
    amount: int
    partial: bool = False
    back: int = 0
    back_identity: int = 0
    want_slice: bool = False
    look: bool = False
    """Take nothing, only look."""


class Taking(msgspec.Struct, tag="taking", frozen=True, array_like=True):
    """What came of it (``engine.limits.Decision``)."""

    allowed: bool
    remaining: int
    reset_s: float
    identity: int
    slice: int = 0
    expires_s: float = 0.0
    down: str = ""
    """Why the authority of the limit cannot be reached, when its policy is ``reject``; nothing else counts then."""


class Settle(msgspec.Struct, tag="settle", frozen=True, array_like=True):
    """Correct an earlier take; not answered."""

    limit: Limit
    difference: int
    identity: int = 0


class TakeAll(msgspec.Struct, tag="take*", frozen=True, array_like=True):
    """Reserve on several budgets at once. Answered by ``TookAll``."""

    reservation: str
    claims: tuple[Claim, ...]


class TookAll(msgspec.Struct, tag="took*", frozen=True, array_like=True):
    """What came of it (``spending.Granted``)."""

    allowed: bool
    used: tuple[int, ...] = ()
    refused: int = -1
    down: str = ""
    """Why the counts cannot be reached; nothing else counts then."""


class SettleAll(msgspec.Struct, tag="settle*", frozen=True, array_like=True):
    """What a reservation came to; not answered."""

    reservation: str
    outcomes: tuple[Outcome, ...]


class Spent(msgspec.Struct, tag="spent*", frozen=True, array_like=True):
    """What a reservation came to so far, should its worker die; not answered."""

    reservation: str
    outcomes: tuple[Outcome, ...]


# --- looking inside ------------------------------------------------------------------------------------------------


class ExplainWanted(msgspec.Struct, tag="explain?", frozen=True, array_like=True):
    """What would happen to this request?"""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    client_address: str
    route_id: str = ""
    """The route that is taken, instead of the one that fits."""
    caller: str = ""
    """The consumer it is taken to be of, whoever shows which key."""


class Explained(msgspec.Struct, tag="explain", frozen=True, array_like=True):
    """The steps and targets as plain tuples, in the order of the fields of ``ExplainStep`` and ``ExplainTarget``."""

    route_id: str
    consumer: str
    steps: list[tuple[str, str, str]]
    targets: list[tuple[str, str, str, int, str]]
    status: int
    error: str
    revision: int


class EffectiveWanted(msgspec.Struct, tag="effective?", frozen=True, array_like=True):
    """A route as it is served, with a consumer's plugins merged in when one is named."""

    route_id: str
    consumer: str


class Effective(msgspec.Struct, tag="effective", frozen=True, array_like=True):
    """The answer, JSON with secrets masked; empty when there is no such route or consumer (``missing`` says which)."""

    config_json: bytes
    revision: int
    missing: str = ""


class HealthWanted(msgspec.Struct, tag="health?", frozen=True, array_like=True):
    """What does this worker know of the health of targets?"""


class Health(msgspec.Struct, tag="health", frozen=True, array_like=True):
    """The answer, JSON."""

    targets_json: bytes


class TailWanted(msgspec.Struct, tag="tail?", frozen=True, array_like=True):
    """Supervisor to worker: from now on tell so many finished requests a second; 0 stops it. Not answered."""

    most_per_second: int


class Tailed(msgspec.Struct, tag="tail", frozen=True, array_like=True):
    """Worker to supervisor: finished requests, as lines of the access log."""

    entries: list[bytes]
    lost: int = 0


# --- breakers ------------------------------------------------------------------------------------------------------


class BreakerTold(msgspec.Struct, tag="breaker", frozen=True, array_like=True):
    """A worker's breaker opened for so many seconds, or closed, by its own traffic; passed on to the others."""

    key: str
    account: bool
    opened: bool
    reason: str
    seconds: float


class ForceTarget(msgspec.Struct, tag="force", frozen=True, array_like=True):
    """An operator's word on the targets of a name: ``open``, ``close`` or ``reset``."""

    name: str
    action: str


class Forced(msgspec.Struct, tag="forced", frozen=True, array_like=True):
    """How many targets have that name."""

    count: int


class Refusal(msgspec.Struct, tag="refusal", frozen=True, array_like=True):
    """A question could not be answered."""

    reason: str


class Done(msgspec.Struct, tag="done", frozen=True, array_like=True):
    """Nothing to say."""


Message = (
    Hello
    | Start
    | Config
    | SecretValues
    | Applied
    | Heartbeat
    | Drain
    | MetricsReport
    | MetricsWanted
    | ExpositionWanted
    | Exposition
    | Take
    | Taking
    | Settle
    | TakeAll
    | TookAll
    | SettleAll
    | Spent
    | Need
    | Asked
    | Alert
    | Crossing
    | ExplainWanted
    | Explained
    | EffectiveWanted
    | Effective
    | HealthWanted
    | Health
    | TailWanted
    | Tailed
    | BreakerTold
    | ForceTarget
    | Forced
    | Refusal
    | Done
)
