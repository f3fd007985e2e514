"""The models list as each dialect has it: ``GET /v1/models`` and ``GET /v1/models/{id}``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model a caller may use."""

    id: str
    created: int = 0
    """Epoch seconds; 0 when unknown."""
    owned_by: str = "tollhouse"
    display_name: str = ""


def openai_model(model: ListedModel) -> dict[str, Any]:
    """One entry, OpenAI's way."""
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by}


def openai_models(models: Sequence[ListedModel]) -> bytes:
    """The whole list, OpenAI's way."""
    return msgspec.json.encode({"object": "list", "data": [openai_model(model) for model in models]})


def anthropic_model(model: ListedModel) -> dict[str, Any]:
    """One entry, Anthropic's way. The epoch stands for an unknown date, as in Anthropic's own list."""
    created = datetime.fromtimestamp(max(0, model.created), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name or model.id,
        "created_at": created,
        "lifecycle": "active",
    }


def anthropic_models(
    models: Sequence[ListedModel], *, limit: int | None = None, after_id: str = "", before_id: str = ""
) -> bytes:
    """One page of the list, Anthropic's way; without ``limit`` the page is the whole rest."""
    page = list(models)
    ids = [model.id for model in page]
    if after_id in ids:
        page = page[ids.index(after_id) + 1 :]
    elif before_id in ids:
        page = page[: ids.index(before_id)]
    more = limit is not None and len(page) > limit
    if more:
        page = page[-limit:] if before_id in ids and limit else page[:limit]
    return msgspec.json.encode(
        {
            "data": [anthropic_model(model) for model in page],
            "has_more": more,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
    )


def gemini_model(model: ListedModel) -> dict[str, Any]:
    """One entry, Google's way."""
    return {
        "name": f"models/{model.id}",
        "displayName": model.display_name or model.id,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def gemini_models(models: Sequence[ListedModel]) -> bytes:
    """The whole list, Google's way."""
    return msgspec.json.encode({"models": [gemini_model(model) for model in models]})


Lists = Callable[[Sequence[ListedModel]], bytes]
Shows = Callable[[ListedModel], dict[str, Any]]

DIALECTS: dict[str, tuple[Lists, Shows]] = {
    "openai_chat": (openai_models, openai_model),
    "anthropic_messages": (anthropic_models, anthropic_model),
    "gemini_generate": (gemini_models, gemini_model),
}
"""Protocol -> how it writes the list, and one entry."""
