"""ai-prompt-guard: lets prompts pass only if they match what is allowed, and nothing that is denied."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Literal

import re2
from pydantic import Field
from tollhouse.dataplane.engine.prompt_text import last_user_texts, new_texts, whole_texts
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.records.verdicts import Verdict, add_verdict
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

_log = logging.getLogger("tollhouse.plugins.ai_prompt_guard")

_SET_MEMORY = 64 << 20
"""Bytes RE2 may use for one set's states, taken as needed. A set that ran out would match nothing, silently."""

_MAX_PATTERNS = 1000


class PromptGuardConfig(PluginConfig):
    """Patterns a prompt must or must not match. They are regular expressions in RE2's syntax, so matching takes time
    in proportion to the text; look-around and back-references are refused. Plain text is a pattern too."""

    allow_patterns: list[str] = Field(default=[], max_length=_MAX_PATTERNS)
    """When not empty, what the user says must match at least one of these."""
    deny_patterns: list[str] = Field(default=[], max_length=_MAX_PATTERNS)
    """What comes with the request (the user's words and tool results) must match none of these."""
    match_all_roles: bool = False
    """Judge also what the system prompt, and with the whole history the model itself, says."""
    match_all_conversation_history: bool = False
    """Judge the whole conversation, not only what is new since the model's last answer."""
    fail_mode: Literal["skip", "warn", "error"] = "error"
    """What to do with a body that holds no prompt to judge: let it pass, log it and let it pass, or refuse it (the
    default; APISIX's own is ``skip``)."""
    max_req_body_size: int | None = Field(default=None, gt=0)
    """Refuse bodies of more bytes than this with 413, besides the limit of the node."""


class AiPromptGuard(Plugin[PromptGuardConfig]):
    """Judges prompts. APISIX's plugin, save that a conversation whose last message is a tool result is judged rather
    than answered with an empty 200, and that what cannot be judged is refused by default."""

    name: ClassVar[str] = "ai-prompt-guard"
    stage: ClassVar[Stage] = Stage.GUARD
    priority: ClassVar[int] = 1072
    Config: ClassVar[type[PluginConfig]] = PromptGuardConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: PromptGuardConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._allow = _compile(config.allow_patterns)
        self._deny = _compile(config.deny_patterns)
        self._counted = services.metrics.counter(
            "tollhouse_guard_verdicts_total", "What guards decided.", ("rule_group", "action", "direction")
        )

    @classmethod
    def normalise(cls, config: dict[str, Any], resource: dict[str, Any]) -> list[str]:
        """``block_patterns`` is ``deny_patterns``; ``enable`` is the opposite of ``_meta.disable``."""
        notes: list[str] = []
        blocked = config.pop("block_patterns", None)
        if blocked is not None:
            denied = config.get("deny_patterns")
            both = isinstance(denied, list) and isinstance(blocked, list)
            config["deny_patterns"] = [*denied, *blocked] if both and denied else blocked
            notes.append("ai-prompt-guard: block_patterns was stored as deny_patterns")
        enable = config.pop("enable", None)
        if enable is not None:
            meta = config.get("_meta")
            if enable is False:
                config["_meta"] = {**meta, "disable": True} if isinstance(meta, dict) else {"disable": True}
                notes.append("ai-prompt-guard: enable: false was stored as _meta.disable: true")
            elif enable is True:
                notes.append("ai-prompt-guard: enable: true is the default and was left out")
            else:
                config["enable"] = enable  # a wrong type: the schema will say so
        return notes

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Each pattern must compile."""
        assert isinstance(config, PromptGuardConfig)
        complaints = []
        for field in ("allow_patterns", "deny_patterns"):
            for position, pattern in enumerate(getattr(config, field)):
                reason = _complaint(pattern)
                if reason:
                    complaints.append(
                        f"{field}[{position}] is not a regular expression RE2 takes: {reason}. "
                        "Look-around and back-references are not supported; escape special characters with \\."
                    )
        return complaints

    def request(self, ex: Exchange) -> None:
        """Raises ClientError 400 for a prompt that must not pass."""
        config = self.config
        limit = config.max_req_body_size
        if limit is not None and ex.body is not None and len(ex.body) > limit:
            raise ClientError(
                413,
                "body_too_large",
                f"The request body has {len(ex.body)} bytes, this route takes {limit}.",
                apisix_body={"message": "request body too large"},
            )
        document = ex.document
        if document is None:
            return  # no body, so nothing was said
        if not any(name in document for name in ("messages", "contents", "input", "prompt")):
            self._nothing_to_judge(ex)
            return
        if config.match_all_conversation_history:
            texts = whole_texts(document, all_roles=config.match_all_roles)
        else:
            texts = new_texts(document, all_roles=config.match_all_roles)
        if self._allow is not None:
            stated = texts if config.match_all_roles else last_user_texts(document)
            if _first_hit(self._allow, stated) is None:
                self._refuse(ex, "Request doesn't match allow patterns", "allow")
        if self._deny is not None:
            hit = _first_hit(self._deny, texts)
            if hit is not None:
                self._refuse(ex, "Request contains prohibited content", f"deny_patterns[{hit}]")

    def _refuse(self, ex: Exchange, message: str, rule: str) -> None:
        add_verdict(ex, Verdict(self.name, f"prompt/{rule}", "policy.prompt", "block", "input"))
        self._counted("policy.prompt", "block", "input").add()
        raise ClientError(400, "prompt_denied", message, apisix_body={"message": message})

    def _nothing_to_judge(self, ex: Exchange) -> None:
        mode = self.config.fail_mode
        if mode == "warn":
            _log.warning("no prompt to judge", extra={"path": ex.path, "request_id": ex.id, "place": str(self.place)})
        elif mode == "error":
            raise ClientError(
                400,
                "prompt_unreadable",
                "The request holds no prompt the guard of this route can judge: expected messages, input or prompt.",
                apisix_body={"message": "unrecognized request: no prompt to judge"},
            )


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _SET_MEMORY
    options.log_errors = False
    return options


def _complaint(pattern: str) -> str:
    """Why RE2 does not take the pattern; empty when it does."""
    try:
        re2.compile(pattern, _options())
    except re2.error as error:
        reason = error.args[0] if error.args else "invalid"
        return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return ""


def _compile(patterns: list[str]) -> Any:
    """All patterns as one automaton, None when there are none."""
    if not patterns:
        return None
    matcher = re2.Set.SearchSet(_options())
    for pattern in patterns:
        matcher.Add(pattern)
    matcher.Compile()
    return matcher


def _first_hit(matcher: Any, texts: list[str]) -> int | None:
    """The lowest number of a pattern that matches. Pieces are judged joined by blanks, as APISIX does, and joined by
    nothing, as the model reads them: a word cut in two parts is one word to it."""
    if not texts:
        return None
    hits = matcher.Match(" ".join(texts).encode("utf-8", "replace"))
    if hits is None and len(texts) > 1:
        hits = matcher.Match("".join(texts).encode("utf-8", "replace"))
    return None if hits is None else min(hits)
