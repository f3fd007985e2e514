"""The models list as each dialect has it: ``GET /v1/models`` and ``GET /v1/models/{id}``."""

from __future__ import annotations

from collections.abc import Sequence
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
