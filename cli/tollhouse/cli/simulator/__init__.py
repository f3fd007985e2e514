"""Provider simulators: true wire formats of OpenAI, Anthropic and an OpenAI-compatible local Qwen, on loopback.

Reading order: ``script`` (what a simulator is told to do), ``ask`` (a request, whatever its format), ``answers`` (what
is said to it), ``tokens`` (counting and the prompt cache), modules called ``_wire`` (what the real providers accept)
and ``_dialect`` (how each answers), ``log`` (what was received), ``server`` (``Simulator``).
"""

from tollhouse.cli.simulator.script import Script
from tollhouse.cli.simulator.server import Simulator

__all__ = ["Script", "Simulator"]
