"""Objects back to documents that ``parse_documents`` reads again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import yaml
from tollhouse.proto.documents.marked import plain_scalar
from tollhouse.proto.resources import KINDS

_SERVER_SET = ("create_time", "update_time")
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_DUMPER):  # type: ignore[misc]
    """Block style, long texts as blocks, and quotes wherever a reader could take text for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Repeat values instead: people edit these documents."""
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    if "\n" in text and text.isascii() and text.replace("\n", "").isprintable():
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    style = '"' if not isinstance(plain_scalar(text), str) or text == "<<" else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def dump_documents(
    objects: Iterable[tuple[str, str, Mapping[str, Any]]], form: Literal["yaml", "json"] = "yaml"
) -> str:
    """One document with all objects, given as (kind, id, value); timestamps, which the control plane sets, left out."""
    sections: dict[str, list[dict[str, Any]]] = {}
    for kind, object_id, value in objects:
        sections.setdefault(kind, []).append(_item(kind, object_id, value))
    document = {kind: sections[kind] for kind in KINDS if kind in sections}
    if form == "json":
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    return dump_value(document)


def dump_value(value: Any) -> str:
    """Any plain data as YAML."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def _item(kind: str, object_id: str, value: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: item for key, item in value.items() if key not in ("id", *_SERVER_SET)}
    if kind == "consumers":
        return {"username": object_id, **{key: item for key, item in fields.items() if key != "username"}}
    if kind == "credentials":
        consumer, _, credential_id = object_id.partition("/")
        return {"consumer": consumer, "id": credential_id, **fields}
    return {"id": object_id, **fields}
