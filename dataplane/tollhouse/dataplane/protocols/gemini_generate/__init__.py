"""Google's generateContent. In reading order: ``protocol``, ``fields``, ``read_request``, ``write_request``,
``reply``, ``stream``, ``usage``, ``errors``."""

from tollhouse.dataplane.protocols.gemini_generate.protocol import GeminiGenerate

__all__ = ["GeminiGenerate"]
