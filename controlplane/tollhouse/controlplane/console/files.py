"""The console's static files, read once, and the headers that keep them from doing anything but their work."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""No inline script or style, nothing from elsewhere, no frame around it."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file."""

    body: bytes
    content_type: str
    etag: str


def load() -> dict[str, StaticFile]:
    """All files by their path below ``static``."""
    found: dict[str, StaticFile] = {}
    _collect(files(__package__) / "static", "", found)
    return found


def _collect(folder: Traversable, prefix: str, found: dict[str, StaticFile]) -> None:
    for item in folder.iterdir():
        if item.is_dir():
            _collect(item, f"{prefix}{item.name}/", found)
        else:
            body = item.read_bytes()
            kind = "text/javascript" if item.name.endswith(".js") else mimetypes.guess_type(item.name)[0]
            tag = hashlib.sha256(body).hexdigest()[:16]
            found[f"{prefix}{item.name}"] = StaticFile(body, kind or "text/plain", tag)


def respond(request: web.Request, file: StaticFile) -> web.Response:
    """The file, or that the browser has it already."""
    headers = {"ETag": f'"{file.etag}"', "Cache-Control": "no-cache"}
    if request.headers.get("If-None-Match") == f'"{file.etag}"':
        return web.Response(status=304, headers=headers)
    text = file.content_type.startswith("text/")
    response = web.Response(
        body=file.body, content_type=file.content_type, charset="utf-8" if text else None, headers=headers
    )
    response.enable_compression()
    return response
