from __future__ import annotations

import re
from typing import Any

from tollhouse.proto.resources import KINDS

from tests.controlplane.plane import Plane


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in value.values()))
    return set().union(*(references(inner) for inner in value)) if isinstance(value, list) else set()


async def test_document_is_whole(plane: Plane) -> None:
    """Every reference in the document leads somewhere, and every kind and verb stands in it."""
    document = (await plane.call("GET", "openapi.json")).body
    schemas = document["components"]["schemas"]
    assert {reference.removeprefix("#/components/schemas/") for reference in references(document)} <= set(schemas)
    text = str(document["paths"])
    assert "$defs" not in text
    for kind in KINDS.values():
        verbs = {
            verb.upper()
            for path, item in document["paths"].items()
            if re.match(rf"/apisix/admin/(consumers/{{username}}/)?{kind.plural}(/{{[a-z]+}})*$", path)
            for verb in item
            if verb != "parameters"
        }
        assert verbs == set(kind.verbs), kind.plural


async def test_document_is_true(plane: Plane) -> None:
    """Each address in the document is one the server knows, with the verbs it lists and no others."""
    document = (await plane.call("GET", "openapi.json")).body
    for path, item in document["paths"].items():
        address = path.replace("{manager}", "vault").replace("{plugin}", "cors").replace("{kind}", "route")
        address = re.sub(r"{\w+}", "x", address)
        for verb in ("get", "put", "post", "patch", "delete"):
            answer = await plane.call(verb.upper(), address, None)
            unknown = answer.status == 405 or (
                answer.status == 404 and (answer.body or {}).get("error_msg") == "not found"
            )
            assert not (verb in item and unknown), (verb, path, answer.text)
