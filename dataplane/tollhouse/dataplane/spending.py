"""The ports of money: counts of budgets, the log of attempts. ``runtime`` implements them; tests bring their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec
from tollhouse.dataplane.chat import Special

WAITED = "held_s"
"""``Exchange.state`` key: seconds a request waited for budgets."""


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """What one attempt asks of one budget."""

    key: str
    units: int
    limit: int
    bucket: int
    """Where they are counted: see ``engine.windows``."""
    since: int
    expires: int
    enforced: bool = True
    """False: counted whether it fits or not."""
    strict: bool = False
    """Of what is in doubt nothing is given back."""


class Granted(msgspec.Struct, frozen=True, array_like=True):
    """What came of asking. All claims are taken, or none."""

    allowed: bool
    used: tuple[int, ...] = ()
    """Per claim: units used in its window, what was just taken included."""
    refused: int = -1
    """The first claim that did not fit."""
    reservation: str = ""
    """The larger reservation it was taken out of, if it was."""


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What a claim came to."""

    units: int
    doubt: int = 0
    """Units a provider may bill beyond ``units``, because the answer was not seen to its end."""


class Crossing(msgspec.Struct, frozen=True, array_like=True, tag="crossed"):
    """A budget came to a threshold."""

    budget: str
    key: str
    bucket: int
    percent: int
    used: int
    limit: int
    unit: str


class Need(msgspec.Struct, frozen=True, array_like=True, tag="need"):
    """More than a budget has is asked for."""

    budget: str
    key: str
    unit: str
    limit: int
    used: int
    needed: int
    ttl_s: int
    context: dict[str, Any]
    """The fields of ``resources.ApprovalContext``."""


class Asked(msgspec.Struct, frozen=True, array_like=True, tag="asked"):
    """What came of asking operators."""

    id: str = ""
    """Of the approval."""
    state: str = ""
    note: str = ""
    problem: str = ""
    """Why nobody could be asked."""


class Alert(msgspec.Struct, frozen=True, array_like=True, tag="alert"):
    """Something people should know of."""

    event: str
    """As ``resources.notifier.Event`` names it."""
    subject: str
    """What it is about: the same is not told again for a while."""
    text: str
    budget: str = ""
    """The budget it is about, if it is."""
    details: dict[str, Any] = {}


class BudgetCounts(ABC):
    """Counts of budgets, shared by all workers of a node or by all nodes."""

    @abstractmethod
    async def take_all(self, reservation: str, claims: tuple[Claim, ...]) -> Granted:
        """Take all claims in one atomic step, or none. Raises CounterUnavailable."""

    @abstractmethod
    def settle_all(self, reservation: str, outcomes: tuple[Outcome, ...]) -> None:
        """Replace what was reserved by what it came to; aligned with the claims. Never waits; done twice it counts
        once."""

    @abstractmethod
    def crossed(self, crossing: Crossing) -> None:
        """A threshold was reached; told to people once per window."""


class Opened(msgspec.Struct, frozen=True, array_like=True, tag="o", omit_defaults=True):
    """An attempt that is about to be sent: written before anything is."""

    id: str
    """Unique for ever, whoever wrote it."""
    at_ms: int
    request: str
    number: int
    """Counts the attempts of a request from 1."""
    node: str
    consumer: str
    groups: tuple[str, ...]
    route: str
    asked_model: str
    model: str
    provider: str
    target: str
    session: str
    tags: dict[str, str]
    price_source: str
    """Where the price comes from and its version."""
    revision: int
    stream: bool
    claims: tuple[Claim, ...] = ()
    lost_tokens: tuple[int, int] = (0, 0)
    """Input and output tokens to assume should nothing more be heard of it."""
    lost_nano: int = 0
    lost: tuple[Outcome, ...] = ()
    """What the claims come to in that case."""
    reservation: str = ""
    """What holds the claims, when it is not of this attempt alone."""


class Closed(msgspec.Struct, frozen=True, array_like=True, tag="c", omit_defaults=True):
    """How an attempt ended."""

    id: str
    at_ms: int
    outcome: str
    """``ok``, ``cancelled``, or the kind of failure."""
    status: int
    first_byte_ms: int
    cost_nano: int = 0
    estimated: bool = False
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    outcomes: tuple[Outcome, ...] = ()
    cache_saved_nano: int = 0
    """By the provider's cache; negative where writing to it cost more than reading from it saved."""
    routing_saved_nano: int = 0
    """Against the dearest target of the model asked for."""
    special: Special | None = None
    """Service tier, audio, images and searches, of the few answers that have some."""
    once: tuple[Claim, ...] = ()
    """Of an answer a provider keeps: the budgets it is charged to when it is first read. Nothing is held of them."""
    once_outcomes: tuple[Outcome, ...] = ()
    """What they come to."""


class LedgerFull(Exception):
    """An attempt could not be written down, so it may not be made."""


class AttemptLog(ABC):
    """The log of attempts of one worker."""

    shipped: bool = True
    """Whether its records go anywhere (to a control plane's ledger). Where they do not, only attempts that hold
    something of a budget are written down, for their settling."""

    @abstractmethod
    def new_id(self) -> str:
        """An id nobody else has or will have."""

    @abstractmethod
    def open(self, record: Opened) -> None:
        """Write down an attempt before it is made: it survives the death of this process. Raises LedgerFull."""

    @abstractmethod
    def close(self, record: Closed) -> None:
        """Write down how it ended. Never fails and never waits."""
