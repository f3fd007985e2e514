"""Models named by routes: what names nothing is refused, and what is named stays."""

from __future__ import annotations

from typing import Any

from tests.controlplane.plane import Plane

MODEL = {"aliases": ["best"], "targets": [{"provider": "p", "model": "gpt-4o"}]}


def serving(*models: str) -> dict[str, Any]:
    return {"uri": "/v1/chat/completions", "plugins": {"ai-proxy-multi": {"models": list(models)}}}


async def test_a_route_names_models_that_exist(plane: Plane) -> None:
    """A name that no model has is refused by field, on PUT, PATCH and POST; an alias is a name."""
    await plane.call("PUT", "providers/p", {"type": "openai", "endpoint": "http://127.0.0.1:9"})
    assert (await plane.call("PUT", "models/m", MODEL)).status == 201
    for method, path in (("PUT", "routes/r"), ("POST", "routes")):
        answer = await plane.call(method, path, serving("m", "nope"))
        assert answer.status == 400, answer.text
        assert "ai-proxy-multi err: models.1: there is no model 'nope'" in answer.body["error_msg"]
    assert (await plane.call("PUT", "routes/r", serving("best"))).status == 201
    patched = await plane.call("PATCH", "routes/r/plugins/ai-proxy-multi/models", ["gone"])
    assert patched.status == 400, patched.text
    fallback = {**MODEL, "aliases": [], "fallbacks": {"availability": ["nobody"]}}
    answer = await plane.call("PUT", "models/other", fallback)
    assert "fallbacks.availability.0: there is no model 'nobody'" in answer.body["error_msg"]


async def test_a_model_in_use_stays(plane: Plane) -> None:
    """A model that a route names by an alias is not deleted without force."""
    await plane.call("PUT", "providers/p", {"type": "openai", "endpoint": "http://127.0.0.1:9"})
    await plane.call("PUT", "models/m", MODEL)
    await plane.call("PUT", "routes/r", serving("best"))
    answer = await plane.call("DELETE", "models/m")
    assert (answer.status, answer.body["error_msg"]) == (
        400,
        "can not delete this model, route [r] is still using it now",
    )
    assert (await plane.call("DELETE", "models/m?force=true")).status == 200
