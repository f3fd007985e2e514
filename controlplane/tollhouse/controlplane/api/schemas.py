"""What the Admin API tells of itself (schemas, plugins), and checks that write nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from tollhouse.controlplane.api import answers, openapi
from tollhouse.controlplane.api.routing import Target
from tollhouse.controlplane.service import rules
from tollhouse.controlplane.service.batch import check_batch
from tollhouse.controlplane.service.checking import error_text
from tollhouse.controlplane.service.decoding import MISSING
from tollhouse.controlplane.service.refusal import Fault, Refusal, invalid
from tollhouse.controlplane.service.service import Service
from tollhouse.dataplane import registry
from tollhouse.proto.problems import Problem
from tollhouse.proto.resources import apisix_schema, check_resource, kind_by_schema_name
from tollhouse.proto.validation import json_type

Handler = Callable[[Service, web.Request, Target, Any], web.Response]


@dataclass(frozen=True, slots=True)
class Fixed:
    """An address that is no object's."""

    method: str
    handler: Handler
    takes_body: bool = False
    otherwise: Callable[[web.Request], web.Response] = lambda request: answers.bare(404)
    """The answer to other methods."""


# -- schemas


def _schema(request: web.Request, target: Target) -> web.Response:
    kind = kind_by_schema_name(target.object_id)
    if kind is None:
        raise invalid(f"not found schema: {target.object_id}")
    return answers.answer(200, apisix_schema(kind.plural))


def _plugin(request: web.Request, target: Target) -> web.Response:
    subsystem = _subsystem(request)
    if request.query.get("all") == "true":
        return answers.answer(200, _all_plugins() if subsystem == "http" else {})
    if subsystem != "http" or target.object_id not in registry.plugin_classes():
        raise Refusal(Fault.NOT_FOUND, f"plugin not found in subsystem {subsystem}")
    schema = registry.plugin_schema(target.object_id, request.query.get("schema_type", ""))
    if schema is None:
        raise invalid("not found schema")
    return answers.answer(200, schema)


def _all_plugins() -> dict[str, Any]:
    return {
        name: {
            "priority": cls.priority,
            "type": "auth" if registry.is_auth_plugin(name) else "",
            "schema": registry.plugin_schema(name),
            "consumer_schema": registry.plugin_schema(name, "consumer"),
            "metadata_schema": registry.plugin_schema(name, "metadata"),
        }
        for name, cls in registry.plugin_classes().items()
    }


def _plugin_names(service: Service, request: web.Request, target: Target, body: Any) -> web.Response:
    return answers.answer(200, registry.plugin_names_by_priority() if _subsystem(request) == "http" else [])


def _subsystem(request: web.Request) -> str:
    subsystem = request.query.get("subsystem", "http")
    if subsystem not in ("http", "stream"):
        raise invalid(f"unsupported subsystem: {subsystem}")
    return subsystem


def _openapi(request: web.Request, target: Target) -> web.Response:
    return answers.answer(200, openapi.document())


READ_ONLY: Mapping[str, Callable[[web.Request, Target], web.Response]] = {
    "schema": _schema,
    "plugins": _plugin,
    "openapi.json": _openapi,
}


# -- plugins/reload: plugins are part of the processes, so there is nothing to reload


def _reload(service: Service, request: web.Request, target: Target, body: Any) -> web.Response:
    return web.Response(status=200, text="done", content_type="text/plain")


def _not_reload(request: web.Request) -> web.Response:
    text = f"please use PUT method to reload the plugins, {request.method} method is not allowed."
    return answers.answer(405, {"error_msg": text})


# -- checks


def _validate_resource(service: Service, request: web.Request, target: Target, body: Any) -> web.Response:
    kind = rules.kind_of(target.sub_path)
    if body is MISSING or not isinstance(body, dict):
        came = "nothing" if body is MISSING else json_type(body)
        raise invalid(f"invalid configuration: expected an object, came {came}")
    variant = str(body.get("id", "")) if kind.variants else ""
    problems = [
        problem for problem in check_resource(kind.plural, variant, body, where="body") if problem.where != "body"
    ]
    if problems:
        raise invalid("; ".join(error_text(problem, "body") for problem in problems))
    return web.Response(status=200, content_type="application/json")


def _validate_configs(service: Service, request: web.Request, target: Target, body: Any) -> web.Response:
    if body is MISSING or not isinstance(body, dict):
        raise invalid("invalid request body: expected an object of lists, by resource type")
    errors = [_configs_error(place, problem) for place, problem in check_batch(body)]
    if errors:
        return answers.answer(400, {"error_msg": "Configuration validation failed", "errors": errors})
    return answers.answer(200, {})


def _configs_error(place: tuple[str, str, int], problem: Problem) -> dict[str, Any]:
    resource_type, resource_id, index = place
    error = error_text(problem, f"{resource_type}[{index}]")
    return {"resource_type": resource_type, "resource_id": resource_id, "index": index, "error": error}


FIXED: dict[tuple[str, str], Fixed] = {
    ("plugins", "list"): Fixed("GET", _plugin_names),
    ("plugins", "reload"): Fixed("PUT", _reload, otherwise=_not_reload),
    ("schema", "validate"): Fixed("POST", _validate_resource, takes_body=True),
    ("configs", "validate"): Fixed("POST", _validate_configs, takes_body=True),
}
"""By resource and id segment."""
