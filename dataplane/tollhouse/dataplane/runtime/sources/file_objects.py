"""What configuration files hold, as the objects the workers take."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel
from tollhouse.dataplane import registry
from tollhouse.dataplane.config.objects import RawObject
from tollhouse.proto.documents import DocumentObject, parse_documents
from tollhouse.proto.problems import Problem, errors_only
from tollhouse.proto.resources import KINDS, is_reference
from tollhouse.proto.sealing import digest, is_digest
from tollhouse.proto.secret_marks import Change, change_secrets

log = logging.getLogger("tollhouse.source.file")


class Content(NamedTuple):
    """One file."""

    name: str
    text: bytes


class UnreadableConfig(ValueError):
    """The files do not hold a configuration; the message has one line per mistake."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def read_objects(contents: Sequence[Content], environment: Mapping[str, str] = os.environ) -> list[RawObject]:
    """The objects of all files together, aliases rewritten and consumers' keys as digests. Raises UnreadableConfig
    when a file is not a document or an object stands in two places. Whether each object can be served is for the
    workers to say: they refuse single objects and go on with the rest."""
    found: dict[tuple[str, str], DocumentObject] = {}
    problems: list[Problem] = []
    for content in contents:
        parsed = parse_documents(content.text, content.name, environment)
        problems += parsed.problems
        for one in parsed.objects:
            first = found.setdefault((one.kind, one.id), one)
            if first is not one:
                what = f"it also stands in {first.file}:{first.line}"
                problems.append(Problem(one.where, what, "remove one of the two", file=one.file, line=one.line))
    errors = errors_only(problems)
    if errors:
        raise UnreadableConfig(errors)
    for problem in problems:
        log.log(logging.WARNING if problem.severity == "warning" else logging.INFO, "%s", problem)
    return [_raw(one) for one in found.values()]


def _raw(one: DocumentObject) -> RawObject:
    value = dict(one.value)
    if KINDS[one.kind].id_rule == "username":
        value.setdefault("username", one.id)
    else:
        value.setdefault("id", one.id.rpartition("/")[2] if one.kind == "credentials" else one.id)
    for note in registry.normalise_plugins(value):
        log.info("%s: %s", one.where, note, extra={"file": one.file, "line": one.line})
    return RawObject(one.kind, one.id, msgspec.json.encode(_digested(one, value)), 0)


def _digested(one: DocumentObject, value: dict[str, Any]) -> Any:
    """Keys of consumers are compared as digests, whatever the source of the configuration."""
    if one.kind not in ("consumers", "credentials"):
        return value
    return change_secrets(value, KINDS[one.kind].model_for(one.id), _as_digest, _consumer_model)


def _as_digest(secret: Change) -> str:
    text = secret.text
    if secret.mark != "digest" or not text or is_reference(text) or is_digest(text):
        return text
    return digest(text)


def _consumer_model(name: str) -> type[BaseModel] | None:
    cls = registry.plugin_classes().get(name)
    return None if cls is None else cls.ConsumerConfig
