"""Bodies that are no JSON object, seen as documents: small fields can be read and set, the rest passes as it is."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from tollhouse.dataplane.document import RequestDocument
from tollhouse.dataplane.errors import ClientError

_DISPOSITION = re.compile(rb"^content-disposition:[ \t]*(.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(rb';[ \t]*([a-z]+\*?)=(?:"([^"\\\r\n]*)"|([^\s;"\\]+))', re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)
_LARGEST_FIELD = 1 << 20


class RawDocument(RequestDocument):
    """Any bytes; no fields."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        super().__init__(b"{}")
        self._body = body

    def copy(self) -> RawDocument:
        """The same: nothing in it can be edited."""
        return RawDocument(self._body)

    def encode(self) -> bytes:
        """The bytes as they came."""
        return self._body


class FormDocument(RequestDocument):
    """A ``multipart/form-data`` body: its text fields are the document's, its files stay where they are."""

    __slots__ = ("_boundary", "_edits", "_parts")

    def __init__(self, body: bytes, boundary: bytes) -> None:
        self._boundary = boundary
        self._parts: list[tuple[str, bytes]] = []
        self._edits: dict[str, str | None] = {}
        fields: dict[str, str] = {}
        for piece in body.split(b"--" + boundary)[1:]:
            if piece.startswith(b"--"):
                break
            part = piece.removeprefix(b"\r\n").removesuffix(b"\r\n")
            head, _, value = part.partition(b"\r\n\r\n")
            name, is_file = _named(head)
            self._parts.append((name, part))
            if is_file:
                continue
            if name in fields and not name.endswith("[]"):
                raise _unclear(f"the field {name[:80]!r} stands in it twice")
            if len(value) > _LARGEST_FIELD:
                raise _unclear(f"the field {name[:80]!r} is larger than {_LARGEST_FIELD >> 20} MB")
            fields[name] = value.decode("utf-8", "replace")
        super().__init__(msgspec.json.encode(fields))

    def set(self, name: str, value: Any) -> None:
        """Replace or append a text field."""
        super().set(name, value)
        self._edits[name] = value if isinstance(value, str) else msgspec.json.encode(value).decode()

    def remove(self, name: str) -> None:
        """Drop a text field; nothing happens when it is absent."""
        if name in self:
            super().remove(name)
            self._edits[name] = None

    def copy(self) -> FormDocument:
        """An independent one, for the edits of one attempt."""
        twin = FormDocument.__new__(FormDocument)
        RequestDocument.__init__(twin, self.raw)
        twin._boundary, twin._parts, twin._edits = self._boundary, self._parts, {}
        for name, value in self._edits.items():
            if value is None:
                twin.remove(name)
            else:
                twin.set(name, value)
        return twin

    def encode(self) -> bytes:
        """The form, its unedited parts byte for byte."""
        parts = [part for name, part in self._parts if name not in self._edits]
        for name, value in self._edits.items():
            if value is not None:
                head = f'Content-Disposition: form-data; name="{name}"\r\n\r\n'
                parts.append((head + value).encode())
        lines = [b"--" + self._boundary + b"\r\n" + part + b"\r\n" for part in parts]
        return b"".join([*lines, b"--" + self._boundary + b"--\r\n"])


def _named(head: bytes) -> tuple[str, bool]:
    """A part's name, and whether it is a file. Raises ClientError for what another reader might read otherwise: what
    is not seen here is not judged."""
    found = _DISPOSITION.findall(head.replace(b"\r\n", b"\n"))
    if len(found) != 1 or not found[0].lower().startswith(b"form-data"):
        raise _unclear("a part has no Content-Disposition, or several")
    rest = found[0][len(b"form-data") :]
    parameters = [(one[0].lower(), one[1] or one[2]) for one in _PARAMETER.findall(rest)]
    names = [value for name, value in parameters if name == b"name"]
    if _PARAMETER.sub(b"", rest).strip() or len(names) != 1 or any(name == b"name*" for name, _ in parameters):
        raise _unclear("a part's name cannot be read")
    return names[0].decode("utf-8", "replace"), any(name.startswith(b"filename") for name, _ in parameters)


def _unclear(reason: str) -> ClientError:
    return ClientError(400, "invalid_form", f"The form cannot be read: {reason}.")


def read_body(body: bytes, content_type: str) -> RequestDocument:
    """The document of a body of any kind. Raises ClientError 400 when it says it is JSON and is not, and for
    a form that could be read in two ways."""
    kind = content_type.partition(";")[0].strip().lower()
    if body and (kind.endswith("json") or not kind or body.lstrip()[:1] == b"{"):  # providers look at no kind
        return RequestDocument(body)
    if kind == "application/x-www-form-urlencoded" and body:
        raise _unclear("send it as multipart/form-data or as JSON")
    boundaries = _BOUNDARY.findall(content_type) if kind.startswith("multipart/") else []
    if len(boundaries) > 1:
        raise _unclear("its content type names several boundaries")
    if not boundaries:
        return RawDocument(body)
    return FormDocument(body, (boundaries[0][0] or boundaries[0][1]).encode())
