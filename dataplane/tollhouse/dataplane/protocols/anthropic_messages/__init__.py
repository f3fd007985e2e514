"""Anthropic's messages. In reading order: ``protocol``, ``read_request``, ``write_request``, ``turns``, ``reply``,
``stream``, ``usage``, ``errors``."""

from tollhouse.dataplane.protocols.anthropic_messages.protocol import AnthropicMessages, render_model, render_models

__all__ = ["AnthropicMessages", "render_model", "render_models"]
