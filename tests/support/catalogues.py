"""A snapshot that holds a catalogue of one model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tollhouse.dataplane.dispatch.setup.catalog import Catalog
from tollhouse.proto.resources import KINDS


def catalogue_of(name: str, url: str) -> Any:
    """A model of that name, served as ``llama-guard`` by an OpenAI-compatible server at an address."""
    provider = KINDS["providers"].model.model_validate({"type": "openai-compatible", "endpoint": f"{url}/v1"})
    model = KINDS["models"].model.model_validate({"targets": [{"provider": "local", "model": "llama-guard"}]})
    return SimpleNamespace(models=Catalog.build({name: model}, {"local": provider}), revision=1)
