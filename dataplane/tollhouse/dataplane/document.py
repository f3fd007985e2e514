"""A JSON object body, read field by field and written back with only the edits meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from tollhouse.dataplane.errors import ClientError
from tollhouse.dataplane.named_twice import named_twice

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder()


class RequestDocument:
    """The body of one request. Values are decoded when first asked for; untouched ones keep their original bytes,
    so that a provider's prompt cache sees the same prefix again. Not safe to share between exchanges.
    """

    __slots__ = ("_dirty", "_fields", "_values", "raw")

    def __init__(self, raw: bytes) -> None:
        """Raises ClientError 400 ``invalid_json`` when ``raw`` is not a JSON object in UTF-8."""
        self.raw = raw
        self._values: dict[str, Any] = {}
        self._dirty = False
        try:
            self._fields: dict[str, Any] = _FIELDS.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ClientError(
                400,
                "invalid_json",
                f"The request body is not a JSON object: {error}. Send one object, encoded as UTF-8.",
                apisix_body={"message": f"could not parse JSON request body: {error}"},
            ) from None

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a top-level field as plain Python data. Treat it as read-only; change it with ``set``."""
        values = self._values
        if name in values:
            return values[name]
        raw = self._fields.get(name)
        if raw is None:
            return default
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ClientError(
                400,
                "invalid_json",
                f"The field {name!r} of the request body is not valid JSON: {error}.",
                param=name,
            ) from None
        values[name] = value
        return value

    def named_twice(self) -> str:
        """The first top-level field that stands in it twice; empty where none does. To be asked before any edit."""
        return named_twice(self.raw, self._fields)

    def some(self, names: Iterable[str]) -> dict[str, Any]:
        """Those of the fields that are there, as ``get`` gives them."""
        fields = self._fields
        return {name: self.get(name) for name in names if name in fields}

    def raw_field(self, name: str) -> bytes:
        """The bytes of a field as they came (or as ``set`` wrote them); empty when it is absent."""
        raw = self._fields.get(name)
        return b"" if raw is None else bytes(raw)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def those_of(self, names: frozenset[str]) -> frozenset[str]:
        """Which of the fields are there."""
        return names.intersection(self._fields)

    def names(self) -> list[str]:
        """The top-level field names, in order."""
        return list(self._fields)

    def set(self, name: str, value: Any) -> None:
        """Replace or append a field."""
        self._fields[name] = msgspec.Raw(_ENCODER.encode(value))
        self._values[name] = value
        self._dirty = True

    def set_raw(self, name: str, raw: bytes) -> None:
        """Replace or append a field by its JSON, which must be valid."""
        self._fields[name] = msgspec.Raw(raw)
        self._values.pop(name, None)
        self._dirty = True

    def remove(self, name: str) -> None:
        """Drop a field; nothing happens when it is absent."""
        if self._fields.pop(name, None) is not None:
            self._values.pop(name, None)
            self._dirty = True

    def forget_values(self) -> None:
        """Let go of decoded values; who asks for one again has it decoded again."""
        self._values.clear()

    def copy(self) -> RequestDocument:
        """An independent one, for the edits of one attempt."""
        twin = RequestDocument.__new__(RequestDocument)
        twin.raw = self.raw
        twin._fields = dict(self._fields)
        twin._values = dict(self._values)
        twin._dirty = self._dirty
        return twin

    def as_dict(self) -> dict[str, Any]:
        """The whole body as plain Python data (decodes everything)."""
        return {name: self.get(name) for name in self._fields}

    def encode(self) -> bytes:
        """The original bytes when nothing was edited; else the fields in order, unedited ones byte for byte."""
        return _ENCODER.encode(self._fields) if self._dirty else self.raw
