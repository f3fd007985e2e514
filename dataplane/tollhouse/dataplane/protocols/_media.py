"""Data URLs: how OpenAI's formats put an image or a file inline, where others have a media type and base64."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

from tollhouse.dataplane.chat import Audio, Document, Image, Part
from tollhouse.dataplane.protocols._fields import wrong


def is_data_url(url: str) -> bool:
    """Whether the URL holds the data itself."""
    return url[:5].lower() == "data:"


def split_data_url(url: str, where: str) -> tuple[str, str]:
    """Media type and base64 data of a ``data:`` URL. Raises ClientError when it is not one."""
    head, comma, data = url[5:].partition(",")
    if not comma:
        raise wrong(where, url, "a data URL (data:<media type>;base64,<data>)")
    kinds = [piece.strip() for piece in head.split(";")]
    media_type = kinds[0].lower() or "text/plain"
    media_type = "image/jpeg" if media_type == "image/jpg" else media_type  # the name providers know
    if kinds[-1].lower() == "base64":
        return media_type, data
    return media_type, base64.b64encode(unquote_to_bytes(data)).decode()


def join_data_url(media_type: str, data: str) -> str:
    """A ``data:`` URL."""
    return f"data:{media_type};base64,{data}"


def text_of(data: str, where: str) -> str:
    """The text base64 data holds. Raises ClientError when it is not base64 of UTF-8."""
    try:
        return base64.b64decode(data, validate=False).decode("utf-8")
    except (binascii.Error, ValueError):
        raise wrong(where, data, "base64 of UTF-8 text") from None


def document_text(part: Document, where: str) -> str | None:
    """What goes as text to OpenAI, which takes PDF files only; None for a PDF. Raises ClientError for other files."""
    kind = part.media_type
    if part.text:
        text = part.text
    elif kind in ("", "application/pdf"):
        return None
    elif kind.startswith("text/") or kind == "application/json":
        text = text_of(part.data, f"{where}.file_data")
    else:
        raise wrong(f"{where}.media_type", kind, "application/pdf or a text type (OpenAI takes no other)")
    return (f"Document {part.name}:\n" if part.name else "Document:\n") + text


def told_and_shown(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """What a system message says, and the pictures and files in it, which only responses take there: elsewhere the user
    shows them."""
    shown: list[Part] = [part for part in parts if isinstance(part, Image | Document | Audio)]
    return ([part for part in parts if part not in shown], shown) if shown else (parts, [])
