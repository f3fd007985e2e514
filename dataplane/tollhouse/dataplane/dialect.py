"""How what a vendor takes differs from the format as its inventor has it: data, in the vendor's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OPENAI_ONLY = frozenset(
    ("prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "verbosity")
)
"""What both of OpenAI's formats have and is translated between them; not for vendors with a dialect of their own."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Vendors refuse what they do not know, or read it as something else. The default is a vendor that takes all."""

    lacks: frozenset[str] = frozenset()
    """Fields of a request it refuses: left out, and told as dropped."""
    doubtful: frozenset[str] = frozenset()
    """Fields some of its models refuse: left out of what is translated, passed where the client itself sent them."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """Fields it has under another name."""
    message_lacks: frozenset[str] = frozenset()
    """Fields of messages it refuses: what clients repeat of an answer, mostly. Left out; told where they said
    something."""
    knows_developers: bool = True
    """It knows the role ``developer``; else it is told ``system``."""
    call_id_size: int = 0
    """Ids of calls have exactly so many letters and digits; 0: as many as they like."""
    answers_results: bool = False
    """After the results of calls it hears the model before anybody else: others follow a word of the model's."""
    wants_thoughts: bool = False
    """It refuses a call in the history that comes without what was thought before it (``reasoning_content``)."""
    takes_call_ids: bool = True
    """In Google's format: calls and their results have ids; else they are known by name and order alone."""
    takes_schemas: bool = True
    """It takes ``json_schema`` as a response format; else it is asked for an object, and told the schema."""
