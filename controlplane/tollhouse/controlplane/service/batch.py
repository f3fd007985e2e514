"""``configs/validate``: whole lists of objects checked by themselves; references are not looked at (APISIX)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from tollhouse.controlplane.service import rules
from tollhouse.controlplane.service.checking import check_object
from tollhouse.dataplane import registry
from tollhouse.proto.problems import Problem, errors_only
from tollhouse.proto.resources import KINDS, Kind
from tollhouse.proto.validation import json_type

Place = tuple[str, str, int]
"""Resource type, id, index in its list."""


def check_batch(body: dict[str, Any]) -> Iterator[tuple[Place, Problem]]:
    """The errors of all objects of ``{"routes": [...], ...}``, each with its place."""
    for plural, items in body.items():
        kind = KINDS.get(plural)
        if kind is None:
            yield (plural, "", 0), Problem(f"{plural}[0]", "unknown resource type", f"there are {', '.join(KINDS)}")
        elif not isinstance(items, list):
            yield (plural, "", 0), Problem(f"{plural}[0]", f"expected a list, came {json_type(items)}")
        else:
            yield from _check_list(kind, items)


def _check_list(kind: Kind, items: list[Any]) -> Iterator[tuple[Place, Problem]]:
    seen: dict[str, int] = {}
    field = rules.id_field(kind)
    for index, item in enumerate(items):
        where = f"{kind.plural}[{index}]"
        object_id = str(item.get(field, "")) if isinstance(item, dict) else ""
        place = (kind.plural, object_id, index)
        if not isinstance(item, dict):
            yield place, Problem(where, f"expected an object, came {json_type(item)}")
            continue
        if not object_id:
            yield place, Problem(where, f"missing {kind.singular} {field}")
            continue
        if object_id in seen:
            yield place, Problem(where, f"found duplicate {field} {object_id} in {kind.plural}")
        seen.setdefault(object_id, index)
        value = copy.deepcopy(item)
        object_id = object_id.replace("/credentials/", "/")
        value[field] = rules.stored_id(kind, object_id)
        registry.normalise_plugins(value)
        for problem in errors_only(check_object(kind, object_id, value, where)):
            yield place, problem
