"""Stored or written values to models, what is wrong with them, and the JSON Schemas of all kinds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from tollhouse.proto.problems import Problem
from tollhouse.proto.resources.kinds import KINDS
from tollhouse.proto.validation import explain_validation, json_type


def parse(kind: str, value: bytes | str, object_id: str = "") -> Any:
    """The model of one stored value. Plugin configs inside stay plain data. ``object_id`` matters for secrets only.
    Raises ValueError (pydantic's ValidationError among them), and KeyError for an unknown kind."""
    known = KINDS[kind]
    return (known.model_for(object_id) if known.variants else known.model).model_validate_json(value)


def check_resource(kind: str, object_id: str, value: Any, where: str = "") -> list[Problem]:
    """Problems of one object as plain data: its fields and its id. Plugin configs and references are not looked at
    (see ``tollhouse.proto.check``)."""
    known = KINDS.get(kind)
    place = where or f"{kind}/{object_id}"
    if known is None:
        return [Problem(place, f"unknown kind {kind!r}", f"there are {', '.join(KINDS)}")]
    if not isinstance(value, Mapping):
        return [Problem(place, f"expected an object, came {json_type(value)}")]
    problems = []
    complaint = known.id_error(object_id)
    if complaint:
        problems.append(Problem(place, complaint))
    try:
        known.model_for(object_id).model_validate(dict(value))
    except ValidationError as error:
        problems += explain_validation(error, place)
    return problems


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def apisix_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind (plural), for the schema endpoints. Raises KeyError when there is no such kind."""
    known = KINDS[kind]
    if known.variants:
        return {"oneOf": [{"title": name, **_schema(model)} for name, model in known.variants.items()]}
    return _schema(known.model)
