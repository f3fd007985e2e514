"""What a plugin is: a name, a stage, a ``Config``, and the hooks it has. One file in ``plugins/`` and it exists."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.reply import Reply
    from tollhouse.dataplane.services import Services
    from tollhouse.dataplane.stages import Stage


class PluginConfig(BaseModel):
    """What users write under a plugin's name. A sentence stands under every field; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)


Secret = Annotated[str, Field(json_schema_extra={"secret": True})]
"""A config field whose value is a secret: sealed before it is stored, masked whenever it is shown."""

Digest = Annotated[str, Field(json_schema_extra={"secret": "digest"})]
"""A secret that is only ever compared (a consumer's key): stored as its digest, see ``tollhouse.proto.sealing``."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plugin is configured: stable across edits, so counters may be keyed by it."""

    kind: str
    """``routes``, ``services``, ``plugin_configs``, ``global_rules``, ``consumers``, ``consumer_groups``."""
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"


ConfigT = TypeVar("ConfigT", bound=PluginConfig)


class Plugin(Generic[ConfigT]):
    """One configured plugin. Lives as long as its config stands unchanged, over many snapshots; shared by exchanges.

    Hooks that a subclass does not override cost nothing: a pipeline keeps one tuple of bound hooks per hook.
    """

    name: ClassVar[str]
    """As in configs, APISIX's where it has one."""
    stage: ClassVar[Stage]
    """Where ``request`` acts."""
    priority: ClassVar[int]
    """Order inside the stage, higher first; APISIX's number where it has one. ``_meta.priority`` overrides."""
    Config: ClassVar[type[PluginConfig]]
    ConsumerConfig: ClassVar[type[PluginConfig] | None] = None
    """What a consumer or credential writes under this name (``key-auth``: the key). Only authentication plugins."""
    Metadata: ClassVar[type[PluginConfig] | None] = None
    """What ``plugin_metadata/<name>`` holds."""
    needs_credential: ClassVar[bool] = False
    """Only authentication plugins: what is presented is checked with the consumer's config, not only looked up."""
    needs_document: ClassVar[bool] = False
    """Acts only on the request body as JSON; routes that have it read the body before ADMIT."""
    counts: ClassVar[bool] = False
    """``request`` takes from counters, or has other lasting effects: it is not run when a request is only explained."""
    prefer_route: ClassVar[bool] = False
    """As a global rule, skipped where the route has the plugin itself (APISIX ``run_policy``)."""
    idle: frozenset[str] = frozenset()
    """Hooks that this one's config has no use for: as if it did not have them."""

    def __init__(self, config: ConfigT, place: Place, services: Services, metadata: PluginConfig | None = None) -> None:
        self.config = config
        self.place = place
        self.services = services
        self.metadata = metadata

    @classmethod
    def normalise(cls, config: dict[str, Any], resource: dict[str, Any]) -> list[str]:
        """Rewrite accepted aliases in place into the documented form; ``resource`` is the object the config stands in
        and may be edited too. Returns a note for the user per alias. Must not fail on wrong types."""
        return []

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """What is wrong with a config beyond its types: one sentence each. Same rules on both planes."""
        return []

    @classmethod
    def identity(cls, config: PluginConfig) -> str:
        """Only authentication plugins: what a consumer with this ``ConsumerConfig`` is looked up by."""
        return str(getattr(config, "key", ""))

    answer_batch: int | None = None
    """Set by plugins that have ``answer`` and are to be asked: after how many characters of a streamed answer; 0 holds
    it back to its end."""
    answer_interval_s: float = 0.0
    """With a batch: seconds after which less is judged, too; 0 never."""

    # -- hooks, in the order they run. ``request`` may be a plain or an async method.

    def request(self, ex: Exchange) -> Any:
        """Act in ``stage``: edit the exchange, return a Reply to answer at once, or raise a GatewayError."""

    def narrow(self, ex: Exchange) -> None:
        """Models are about to be listed: note what the caller may use. Must not refuse or wait."""

    def reply(self, ex: Exchange, reply: Reply) -> None:
        """The reply's head is known and not yet sent: edit status and headers. Also runs for errors."""

    def event(self, ex: Exchange, event: Any) -> list[Any]:
        """One ``chat.Event`` of the answer, whole replies included: return what goes on, in order. Plugins that have
        this hook make the route decode and re-encode its streams."""
        return [event]

    async def answer(self, ex: Exchange, text: str) -> None:
        """What the provider says, before any ``event`` hook and before the client sees it. Raise a GatewayError (an
        ``AnswerRefused`` with what is said instead) to keep it back."""

    def settle(self, ex: Exchange) -> None:
        """The exchange is over, however it ended: correct what was taken in advance. Must not fail or wait."""

    def record(self, ex: Exchange) -> None:
        """The exchange is over and settled: count and log it. Must not fail or wait."""

    def endpoints(self) -> dict[str, Callable[[Exchange], Awaitable[Reply]]]:
        """Paths the gateway itself answers while the plugin stands in a global rule (``/apisix/metrics``)."""
        return {}

    async def close(self) -> None:
        """The last snapshot with this config is gone: flush, release."""


class DispatchPlugin(Plugin[ConfigT], ABC):
    """A plugin that answers by sending the request on: at most one per route acts (the first in priority)."""

    ai: ClassVar[bool] = True
    """Serves a model: the client's protocol is recognised and the body read before ADMIT."""

    @abstractmethod
    async def dispatch(self, ex: Exchange) -> Reply:
        """Send it, with failover. Raises GatewayError; cancelling it cancels the upstream call."""

    def explain(self, ex: Exchange) -> list[Any]:
        """The targets in the order they would be tried (``ExplainTarget``), the excluded ones with their reason."""
        return []

    def models(self, ex: Exchange) -> list[Any] | None:
        """The models this caller may ask for here (``protocols._models.ListedModel``); None when it lists none."""
        return None
