"""ai-prompt-decorator: puts the operator's own messages before and after those of the client."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage


class Prompt(PluginConfig):
    """One message."""

    role: Literal["system", "user", "assistant"]
    """Who says it."""
    content: str = Field(min_length=1)
    """What it says."""


class PromptDecoratorConfig(PluginConfig):
    """Messages to add; at least one."""

    prepend: list[Prompt] = []
    """Before the client's messages, in this order."""
    append: list[Prompt] = []
    """After the client's messages, in this order."""


class AiPromptDecorator(Plugin[PromptDecoratorConfig]):
    """Adds messages. In Anthropic's and Google's formats the system ones go into the system prompt, before or after
    what is there; a body that is no conversation (embeddings) is left alone."""

    name: ClassVar[str] = "ai-prompt-decorator"
    stage: ClassVar[Stage] = Stage.SHAPE
    priority: ClassVar[int] = 1070
    Config: ClassVar[type[PluginConfig]] = PromptDecoratorConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: PromptDecoratorConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._before = [prompt.model_dump() for prompt in config.prepend]
        self._after = [prompt.model_dump() for prompt in config.append]

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Something must be added."""
        assert isinstance(config, PromptDecoratorConfig)
        return [] if config.prepend or config.append else ["expected at least one message in prepend or append"]

    def request(self, ex: Exchange) -> None:
        """Edit the messages."""
        document = ex.document
        if document is not None and ex.protocol is not None:
            if ex.protocol.name == "openai_responses":
                self._around_input(document)
                ex.forget()
            elif ex.protocol.name.startswith("gemini_"):
                self._around_contents(document)
                ex.forget()
        if document is None or "messages" not in document:
            return
        messages = document.get("messages")
        if not isinstance(messages, list):
            raise ClientError(400, "invalid_value", "messages: expected an array of messages.", param="messages")
        before, after = self._before, self._after
        if ex.protocol is not None and ex.protocol.name.startswith("anthropic_"):
            first = [prompt["content"] for prompt in before if prompt["role"] == "system"]
            last = [prompt["content"] for prompt in after if prompt["role"] == "system"]
            if first or last:
                document.set("system", _around(document.get("system"), first, last))
            before = [prompt for prompt in before if prompt["role"] != "system"]
            after = [prompt for prompt in after if prompt["role"] != "system"]
        if before or after:
            document.set("messages", [*before, *messages, *after])
        ex.forget()

    def _around_input(self, document: RequestDocument) -> None:
        """OpenAI's responses: items before and after those of the client."""
        given = document.get("input")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        if not isinstance(items, list):
            raise ClientError(400, "invalid_value", "input: expected a string or an array of items.", param="input")
        document.set("input", [*self._before, *items, *self._after])

    def _around_contents(self, document: RequestDocument) -> None:
        """Google's contents; system messages go into the system instruction."""
        contents = document.get("contents")
        contents = [contents] if isinstance(contents, dict) else contents
        if not isinstance(contents, list):
            raise ClientError(400, "invalid_value", "contents: expected an array of contents.", param="contents")
        name = "system_instruction" if "system_instruction" in document else "systemInstruction"
        told = [[{"text": one["content"]} for one in some if one["role"] == "system"] for some in self._lists()]
        if any(told):
            system = document.get(name)
            parts = (system.get("parts") or []) if isinstance(system, dict) else []
            parts = [parts] if isinstance(parts, dict) else parts  # as Google's own examples have it
            document.set(name, {"parts": [*told[0], *parts, *told[1]]})
        before, after = ([_content(one) for one in some if one["role"] != "system"] for some in self._lists())
        if before or after:
            document.set("contents", [*before, *contents, *after])

    def _lists(self) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        return self._before, self._after


def _content(prompt: dict[str, str]) -> dict[str, Any]:
    """A message as Google has it."""
    return {"role": "model" if prompt["role"] == "assistant" else "user", "parts": [{"text": prompt["content"]}]}


def _around(system: Any, first: list[str], last: list[str]) -> Any:
    """Anthropic's ``system`` with texts before and after it, in the form (string or blocks) the client chose."""
    if not isinstance(system, list):
        kept = [system] if isinstance(system, str) and system else []
        return "\n\n".join([*first, *kept, *last])
    return [*({"type": "text", "text": text} for text in first), *system, *({"type": "text", "text": t} for t in last)]
