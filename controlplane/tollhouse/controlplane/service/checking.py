"""One object on its way from what the user wrote to what is stored: aliases, masks, checks, sealing. No etcd here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from pydantic import BaseModel
from tollhouse.controlplane.service.refusal import invalid
from tollhouse.controlplane.store.objects import Stored
from tollhouse.dataplane import registry
from tollhouse.proto import check
from tollhouse.proto.problems import Problem, errors_only
from tollhouse.proto.resources import Kind
from tollhouse.proto.sealing import (
    SEALED,
    Sealer,
    SealingError,
    SealingKeyMissing,
    mask_secrets,
    restore_masked,
    seal_secrets,
)
from tollhouse.proto.secret_marks import Change, change_secrets

_SEALED_TEXT = re.compile(r"\$sealed://[A-Za-z0-9_/-]+")
MASK_WITHOUT_STORED = "the value is a mask, and nothing is stored that it could stand for"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An object ready to be stored, unless there are errors among the problems."""

    value: dict[str, Any]
    """Secrets sealed."""
    problems: tuple[Problem, ...]


class Checker:
    """Checks, seals and masks objects. Immutable; shared by everything."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def prepare(
        self, kind: Kind, object_id: str, value: dict[str, Any], before: Stored | None, where: str = ""
    ) -> Prepared:
        """``value`` may be changed. Nothing is looked up: references are the caller's affair."""
        place = where or f"{kind.plural}/{object_id}"
        notes = [Problem(place, note, severity="note") for note in registry.normalise_plugins(value)]
        model = model_of(kind, object_id)
        plugin_model = _plugin_models(kind)
        stored = before.value if before else None
        restored, lost = restore_masked(value, stored, model, plugin_model)
        problems = [_lost_mask(place, path) for path in lost]
        problems += check_object(kind, object_id, restored, place)
        problems += check_unit(kind, restored, stored, place)
        if errors_only(problems):
            return Prepared(restored, (*problems, *notes))
        try:
            sealed = seal_secrets(restored, model, self._sealer, plugin_model, stored)
        except SealingKeyMissing as error:
            return Prepared(restored, (Problem(f"{place}.{error.where}", str(error)), *notes))
        return Prepared(sealed, (*problems, *notes))

    @property
    def seals(self) -> bool:
        """Whether there is a key to seal with."""
        return bool(self._sealer.key_ids)

    def resealed(self, kind: Kind, object_id: str, value: dict[str, Any]) -> dict[str, Any]:
        """The stored value with its secrets sealed by the key that encrypts now; equal when they are already."""

        def renew(secret: Change) -> str:
            return self._sealer.renew(secret.text) if secret.text.startswith(SEALED) else secret.text

        fresh: dict[str, Any] = change_secrets(value, model_of(kind, object_id), renew, _plugin_models(kind))
        return fresh

    def unreadable(self, value: dict[str, Any]) -> bool:
        """Whether something in it was sealed with a key that is not here."""
        return any(not self._opens(text) for text in _SEALED_TEXT.findall(orjson.dumps(value).decode()))

    def _opens(self, text: str) -> bool:
        try:
            self._sealer.open(text)
        except SealingError:
            return False
        return True

    def masked(self, kind: Kind, object_id: str, value: dict[str, Any]) -> dict[str, Any]:
        """The value as it may be shown."""
        shown: dict[str, Any] = mask_secrets(value, model_of(kind, object_id), _plugin_models(kind))
        if kind.plural == "ssls":  # APISIX never returns them, not even masked
            shown = {name: part for name, part in shown.items() if name not in ("key", "keys")}
        return shown


def check_object(kind: Kind, object_id: str, value: dict[str, Any], place: str) -> list[Problem]:
    """Problems of one object by itself: its fields and its plugins' configs, as problems of ``place``."""
    fields = value
    if kind.plural in ("secrets", "credentials"):  # their ids are checked as they stand in the address
        fields = {name: part for name, part in value.items() if name != "id"}
    usual = f"{kind.plural}/{object_id}"
    problems = check.check_object(kind.plural, object_id, fields, registry)
    return [replace(problem, where=place + problem.where.removeprefix(usual)) for problem in problems]


def check_unit(kind: Kind, value: dict[str, Any], before: Mapping[str, Any] | None, place: str) -> list[Problem]:
    """What a budget has counted is kept when it is changed: dollars are not to be taken for tokens."""
    if kind.plural != "budgets" or before is None:
        return []
    had, has = (tuple(one.get(name, "total") for name in ("unit", "count")) for one in (before, value))
    if had == has:
        return []
    what = f"a budget keeps what it has counted, and that is {' '.join(had).removesuffix(' total')}"
    return [Problem(f"{place}.unit", what, "make a budget of another id, and delete this one")]


def check_rivals(kind: Kind, object_id: str, value: dict[str, Any], rivals: Iterable[Stored]) -> list[Problem]:
    """What other objects have already and this one may not have as well: keys, names, plugins of global rules."""
    after: dict[tuple[str, str], dict[str, Any]] = {(rival.kind, rival.id): rival.value for rival in rivals}
    after[kind.plural, object_id] = value
    return check.check_unique(after, {(kind.plural, object_id)})


def refuse_errors(problems: Iterable[Problem], place: str) -> None:
    """Raises Refusal in APISIX's words when there are errors. ``place`` is how their ``where`` begins."""
    errors = errors_only(list(problems))
    if errors:
        raise invalid("; ".join(dict.fromkeys(error_text(problem, place) for problem in errors)))


def error_text(problem: Problem, place: str) -> str:
    """One error as REST's ``error_msg`` says it."""
    what = f"{problem.what} ({problem.hint})" if problem.hint else problem.what
    below = problem.where.removeprefix(place).removeprefix(".")
    if problem.what.startswith(("unknown plugin [", "duplicate key of plugin ", "plugin '", "the model name ")):
        return problem.what
    if problem.what.startswith("only authentication plugins"):
        return "only supports auth type plugins in consumer credential"
    if problem.what == "invalid plugin name":
        return what
    if below.startswith("plugins."):
        name, _, path = below.removeprefix("plugins.").partition(".")
        detail = f"{path}: {what}" if path else what
        return f"failed to check the configuration of plugin {name} err: {detail}"
    if below == "vars" or below.startswith("vars."):
        return f"failed to validate the 'vars' expression: {what}"
    return f"invalid configuration: {below}: {what}" if below else f"invalid configuration: {what}"


def model_of(kind: Kind, object_id: str) -> type[BaseModel]:
    """The model an object must fit; of plugin metadata, the plugin's own."""
    if kind.plural == "plugin_metadata":
        cls = registry.plugin_classes().get(object_id)
        if cls is not None and cls.Metadata is not None:
            return cls.Metadata
    return kind.model_for(object_id)


def _plugin_models(kind: Kind) -> Any:
    as_consumer = kind.plural in ("consumers", "credentials")

    def model(name: str) -> type[BaseModel] | None:
        cls = registry.plugin_classes().get(name)
        if cls is None:
            return None
        return cls.ConsumerConfig if as_consumer and cls.ConsumerConfig is not None else cls.Config

    return model


def _lost_mask(place: str, path: str) -> Problem:
    return Problem(
        f"{place}.{path}",
        MASK_WITHOUT_STORED,
        "write the secret itself",
    )
