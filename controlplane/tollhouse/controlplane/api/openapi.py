"""The Admin API as an OpenAPI 3.1 document, made from the kinds themselves so that it stays true."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from tollhouse.proto.resources import KINDS, Kind, apisix_schema

_IDS = {
    "id": ("{id}",),
    "username": ("{username}",),
    "plugin": ("{plugin}",),
    "manager/id": ("{manager}", "{id}"),
    "username/id": ("{id}",),
}
_SUMMARIES = {
    "get": "Read one {noun}.",
    "put": "Create or replace a {noun}.",
    "patch": "Merge a change into a {noun}; null deletes a key.",
    "delete": "Delete a {noun} that nothing refers to.",
}
_REFUSALS = {
    "400": "The request does not fit; `error_msg` says why.",
    "401": "The key in X-API-KEY is missing, wrong, or may only read.",
    "503": "etcd does not answer, or others wrote at the same time again and again.",
}


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    components: dict[str, Any] = {"Error": _ERROR}
    paths: dict[str, Any] = {}
    for kind in KINDS.values():
        components[_name(kind)] = _component(kind, components)
        paths.update(_paths(kind))
    paths.update(_FIXED)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tollhouse Admin API", "version": version("tollhouse")},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-KEY"}},
        },
    }


def _name(kind: Kind) -> str:
    return kind.schema_name


def _component(kind: Kind, components: dict[str, Any]) -> dict[str, Any]:
    """The kind's schema; the definitions inside it become components of their own."""
    schema = _moved(apisix_schema(kind.plural), _name(kind))
    for part in [schema, *schema.get("oneOf", ())]:
        for name, inner in part.pop("$defs", {}).items():
            components[f"{_name(kind)}.{name}"] = inner
    return dict(schema)


def _moved(value: Any, prefix: str) -> Any:
    if isinstance(value, dict):
        return {
            key: inner.replace("#/$defs/", f"#/components/schemas/{prefix}.")
            if key == "$ref"
            else _moved(inner, prefix)
            for key, inner in value.items()
        }
    return [_moved(item, prefix) for item in value] if isinstance(value, list) else value


def _paths(kind: Kind) -> dict[str, Any]:
    root = "/apisix/admin/" + ("consumers/{username}/credentials" if kind.parent else kind.plural)
    parents = [_path_parameter("username")] if kind.parent else []
    one = "/".join((root, *_IDS[kind.id_rule]))
    own = [_path_parameter(name.strip("{}")) for name in _IDS[kind.id_rule]]
    collection: dict[str, Any] = {"get": _list(kind)}
    if "POST" in kind.verbs:
        collection["post"] = _write(kind, f"Create a {kind.singular} under an id the server makes.", ("201",))
    single = {
        verb: _operation(kind, verb, summary.format(noun=kind.singular))
        for verb, summary in _SUMMARIES.items()
        if verb.upper() in kind.verbs
    }
    return {
        root: {**collection, **({"parameters": parents} if parents else {})},
        one: {**single, "parameters": parents + own},
    }


def _operation(kind: Kind, verb: str, summary: str) -> dict[str, Any]:
    if verb == "put":
        return _write(kind, summary, ("200", "201"))
    if verb == "patch":
        return _write(kind, summary, ("200",), {"type": "object"})
    if verb == "get":
        return {"summary": summary, "responses": _responses({"200": _stored(kind)}, "404")}
    deleted = {"type": "object", "properties": {"deleted": {"type": "string"}, "key": {"type": "string"}}}
    force = {"name": "force", "in": "query", "schema": {"enum": ["true"]}, "description": "Also when it is used."}
    return {"summary": summary, "parameters": [force], "responses": _responses({"200": deleted}, "404")}


def _list(kind: Kind) -> dict[str, Any]:
    names = ("page", "page_size", "name", "uri", "label", *(("filter",) if kind.filters else ()))
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    listing = {
        "type": "object",
        "properties": {"list": {"type": "array", "items": _stored(kind)}, "total": {"type": "integer"}},
    }
    return {
        "summary": f"List every {kind.singular}.",
        "parameters": parameters,
        "responses": _responses({"200": listing}),
    }


def _write(kind: Kind, summary: str, statuses: tuple[str, ...], body: dict[str, Any] | None = None) -> dict[str, Any]:
    schema = body or {"$ref": f"#/components/schemas/{_name(kind)}"}
    written = {"type": "object", "properties": {"key": {"type": "string"}, "value": {"type": "object"}}}
    ttl = {"name": "ttl", "in": "query", "schema": {"type": "number"}, "description": "Seconds until it disappears."}
    return {
        "summary": summary,
        "parameters": [ttl],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": _responses(dict.fromkeys(statuses, written)),
    }


def _stored(kind: Kind) -> dict[str, Any]:
    numbers = {name: {"type": "integer"} for name in ("createdIndex", "modifiedIndex")}
    return {"type": "object", "properties": {"key": {"type": "string"}, "value": {"type": "object"}, **numbers}}


def _responses(good: dict[str, dict[str, Any]], *more: str) -> dict[str, Any]:
    refusals = {**_REFUSALS, **dict.fromkeys(more, "There is no such object.")}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        **{
            status: {"description": "Done.", "content": {"application/json": {"schema": schema}}}
            for status, schema in good.items()
        },
        **{status: {"description": text, "content": error} for status, text in refusals.items()},
    }


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _simple(verb: str, summary: str, *names: str) -> dict[str, Any]:
    operation = {"summary": summary, "responses": _responses({"200": {}})}
    return {verb: operation, "parameters": [_path_parameter(name) for name in names]}


_ERROR = {
    "type": "object",
    "properties": {
        "error_msg": {"type": "string"},
        "description": {"type": "string"},
        "message": {"type": "string"},
    },
}
_FIXED = {
    "/apisix/admin/schema/{kind}": _simple("get", "The JSON Schema of a kind, by its singular.", "kind"),
    "/apisix/admin/schema/plugins/{plugin}": _simple("get", "The JSON Schema of a plugin's config.", "plugin"),
    "/apisix/admin/schema/validate/{kind}": _simple("post", "Check an object against its schema.", "kind"),
    **{
        f"/apisix/admin/approvals/{{id}}/{verb}": _simple("post", summary, "id")
        for verb, summary in (
            ("approve", "Grant what a budget lacks: amount, for (2h), note."),
            ("deny", "Refuse it; nobody is asked again for a while: for (2h), note."),
            ("revoke", "End a grant before its time: note."),
        )
    },
    "/apisix/admin/reseal": _simple("post", "Seal anew what was sealed with an older key; dry_run=true only looks."),
    "/apisix/admin/audit": _simple("get", "Records of the audit trail, the newest first; see docs/security.md."),
    "/apisix/admin/audit/requests/{request_id}": _simple("get", "What was decided about a request.", "request_id"),
    "/apisix/admin/audit/verify": _simple("get", "Check every chain of the audit trail."),
    "/apisix/admin/audit/export": _simple("get", "Every line as it is stored, as JSON Lines."),
    "/apisix/admin/plugins/list": _simple("get", "The names of all plugins, by priority."),
    "/apisix/admin/plugins/reload": _simple("put", "Does nothing: plugins are part of the processes."),
    "/apisix/admin/configs/validate": _simple("post", "Check whole lists of objects, writing nothing."),
    "/apisix/admin/openapi.json": _simple("get", "This document."),
}
