"""OpenAI's chat completions. In reading order: ``protocol``, ``read_request``, ``write_request``, ``reply``,
``stream``, ``usage``, ``errors``."""

from tollhouse.dataplane.protocols.openai_chat.protocol import OpenAIChat, render_model, render_models

__all__ = ["OpenAIChat", "render_model", "render_models"]
