"""The models list in both dialects, as the SDKs read it."""

from __future__ import annotations

import json

from anthropic.types import ModelInfo
from openai.types import Model
from tollhouse.dataplane.protocols import _models, anthropic_messages, openai_chat
from tollhouse.dataplane.protocols._models import ListedModel

MODELS = [ListedModel("a", 1700000000, "anthropic", "Model A"), ListedModel("b"), ListedModel("c")]


def test_openais_list_is_read_by_its_sdk() -> None:
    body = json.loads(openai_chat.render_models(MODELS))
    assert body["object"] == "list"
    assert [Model.model_validate(item).id for item in body["data"]] == ["a", "b", "c"]
    assert json.loads(openai_chat.render_model(MODELS[0])) == body["data"][0]


def test_anthropics_list_is_read_by_its_sdk() -> None:
    body = json.loads(anthropic_messages.render_models(MODELS))
    assert [ModelInfo.model_validate(item).display_name for item in body["data"]] == ["Model A", "b", "c"]
    assert (body["has_more"], body["first_id"], body["last_id"]) == (False, "a", "c")
    assert body["data"][0]["created_at"] == "2023-11-14T22:13:20Z"
    assert json.loads(anthropic_messages.render_model(MODELS[0])) == body["data"][0]


def test_anthropics_list_comes_in_pages() -> None:
    page = json.loads(anthropic_messages.render_models(MODELS, limit=2))
    assert ([item["id"] for item in page["data"]], page["has_more"]) == (["a", "b"], True)
    page = json.loads(anthropic_messages.render_models(MODELS, limit=2, after_id="b"))
    assert ([item["id"] for item in page["data"]], page["has_more"]) == (["c"], False)
    page = json.loads(anthropic_messages.render_models(MODELS, limit=1, before_id="c"))
    assert ([item["id"] for item in page["data"]], page["has_more"]) == (["b"], True)
    assert json.loads(anthropic_messages.render_models([]))["first_id"] is None


def test_googles_list_names_what_can_be_asked() -> None:
    body = json.loads(_models.gemini_models(MODELS))
    assert [item["name"] for item in body["models"]] == ["models/a", "models/b", "models/c"]
    assert body["models"][0]["displayName"] == "Model A"
    assert set(_models.DIALECTS) == {"openai_chat", "anthropic_messages", "gemini_generate"}
