"""ai-prompt-template: clients name a template and give its variables; the prompt itself is the operator's."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import ConfigDict, Field
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.plugin import Place, Plugin, PluginConfig
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.stages import Stage

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")

_CLIENTS_OWN = ("stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "user", "metadata")
"""What a client may say beside the variables where the template does not say it; nothing of this is prompt."""


class Prompt(PluginConfig):
    """One message of a template."""

    role: Literal["system", "user", "assistant"]
    """Who says it."""
    content: str = Field(min_length=1)
    """What it says; ``{{name}}`` stands for the variable of that name."""


class Template(PluginConfig):
    """The body that is sent. Further fields of the client's format (``max_tokens``, ``temperature``) may be added."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    model: str | None = None
    """The model asked for; the client's own when absent. May hold variables."""
    messages: list[Prompt] = Field(min_length=1)
    """The messages, in order."""


class NamedTemplate(PluginConfig):
    """A template and the name clients ask for it by."""

    name: str = Field(min_length=1)
    """What clients send as ``template_name``."""
    template: Template
    """What becomes of it."""


class PromptTemplateConfig(PluginConfig):
    """The templates clients may use; on this route they can send nothing else."""

    templates: list[NamedTemplate] = Field(min_length=1)
    """Templates with different names."""


class AiPromptTemplate(Plugin[PromptTemplateConfig]):
    """Replaces the body by a template filled in. Values are put into strings before the body is written as JSON, so
    no value can add a field or a message; ``{{`` inside a value is text."""

    name: ClassVar[str] = "ai-prompt-template"
    stage: ClassVar[Stage] = Stage.SHAPE
    priority: ClassVar[int] = 1071
    Config: ClassVar[type[PluginConfig]] = PromptTemplateConfig
    needs_document: ClassVar[bool] = True

    def __init__(
        self, config: PromptTemplateConfig, place: Place, services: Services, metadata: PluginConfig | None = None
    ) -> None:
        super().__init__(config, place, services, metadata)
        self._templates = {item.name: item.template.model_dump(exclude_none=True) for item in config.templates}

    @classmethod
    def check(cls, config: PluginConfig) -> list[str]:
        """Names must differ."""
        assert isinstance(config, PromptTemplateConfig)
        names = [item.name for item in config.templates]
        return [f"two templates are called {name!r}" for name in sorted(set(names)) if names.count(name) > 1]

    def request(self, ex: Exchange) -> None:
        """Replace the body. Raises ClientError 400 for an unknown template or a variable that is not given."""
        document = ex.document
        if document is None:
            raise _refused("template name is missing in request.", "template_name")
        name = document.get("template_name")
        if not isinstance(name, str) or not name:
            raise _refused("template name is missing in request.", "template_name")
        template = self._templates.get(name)
        if template is None:
            raise _refused(f"template: {name} not configured.", "template_name")
        given = document.as_dict()
        body: dict[str, Any] = {field: _fill(value, given) for field, value in template.items()}
        if "model" not in body and isinstance(given.get("model"), str):
            body["model"] = given["model"]
        for field in _CLIENTS_OWN:
            if field in given and field not in body:
                body[field] = given[field]
        if ex.protocol is not None and ex.protocol.name.startswith("anthropic_"):
            _lift_system(body)
        for field in document.names():
            if field not in body:
                document.remove(field)
        for field, value in body.items():
            document.set(field, value)
        ex.forget()


def _refused(message: str, param: str) -> ClientError:
    return ClientError(400, "invalid_template", message, param=param, apisix_body={"message": message})


def _fill(value: Any, given: dict[str, Any]) -> Any:
    """The value with variables put into its strings, in one pass."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _text(found[1], given), value)
    if isinstance(value, list):
        return [_fill(item, given) for item in value]
    if isinstance(value, dict):
        return {name: _fill(item, given) for name, item in value.items()}
    return value


def _text(name: str, given: dict[str, Any]) -> str:
    if name not in given:
        raise _refused(f"template variable {name!r} is missing in request.", name)
    value = given[name]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _lift_system(body: dict[str, Any]) -> None:
    """Anthropic's place for system messages is a field of its own."""
    system = [message["content"] for message in body["messages"] if message["role"] == "system"]
    if system:
        body["system"] = "\n\n".join(system)
        body["messages"] = [message for message in body["messages"] if message["role"] != "system"]
