"""OpenAI's responses. In reading order: ``protocol``, ``read_request``, ``items``, ``tools``, ``write_request``,
``reply``, ``stream``, ``stream_out``, ``usage``."""

from tollhouse.dataplane.protocols.openai_responses.protocol import OpenAIResponses

__all__ = ["OpenAIResponses"]
