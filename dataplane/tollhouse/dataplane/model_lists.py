"""``GET /v1/models`` and ``GET /v1/models/{name}`` on routes that serve models."""

from __future__ import annotations

import msgspec
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.exchange import Exchange
from tollhouse.dataplane.pipeline import Pipeline
from tollhouse.dataplane.plugin import DispatchPlugin
from tollhouse.dataplane.protocols._models import DIALECTS
from tollhouse.dataplane.reply import JSON, Reply
from tollhouse.dataplane.request_reading import dialect


def list_models(ex: Exchange, pipeline: Pipeline) -> Reply:
    """All models the caller may use, or one, in the caller's dialect. Raises ClientError 404, and 405 elsewhere."""
    for narrow in pipeline.narrow_hooks:
        narrow(ex)
    dispatcher = pipeline.dispatcher
    listed = dispatcher.models(ex) if isinstance(dispatcher, DispatchPlugin) else None
    head, _, name = ex.path.partition("/models")
    google = head.endswith("/v1beta")
    if listed is None or not (google or head.endswith("/v1")) or (name and not name.startswith("/")):
        ex.protocol = ex.protocol or dialect(ex)
        raise ClientError(
            405,
            "method_not_allowed",
            f"{ex.method} is not served on {ex.path}. Send a POST.",
            headers={"allow": "POST"},
        )
    spoken = dialect(ex)
    assert spoken is not None
    whole, one = DIALECTS[spoken.name]
    if name in ("", "/"):
        return Reply(200, [JSON], whole(listed))
    wanted = name[1:]
    for model in listed:
        if model.id == wanted:
            return Reply(200, [JSON], msgspec.json.encode(one(model)))
    ex.protocol = spoken
    raise ClientError(
        404, "model_not_found", f"There is no model {wanted!r} here. GET {head}/models lists those there are."
    )
