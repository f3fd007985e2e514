"""Cleans request targets: what is matched must be what is served, however a client spells it."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

from tollhouse.dataplane.runtime.server.settings import EncodedSlash


class Refused(Exception):
    """A request that is answered by the server itself, without the gateway."""

    def __init__(self, status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def split_target(target: str, encoded_slash: EncodedSlash = "decode") -> tuple[str, str]:
    """Path (decoded, dot segments resolved, slashes merged, as nginx does) and raw query. Raises Refused."""
    path, _, query = target.partition("?")
    if "#" in target:
        path = path.partition("#")[0]
        query = query.partition("#")[0]
    if not query.isascii():
        query = quote(query.encode("utf-8", "surrogateescape"), safe="%!$&'()*+,;=:@/?-._~[]|\"{}^`\\<>")
    if path.isascii() and "%" not in path and "//" not in path and "/." not in path and path[:1] == "/":
        return path, query
    if not path.startswith("/"):
        if path == "*":
            return path, query
        raise Refused(400, "invalid_path", "The path of the request does not begin with a slash.")
    return clean_path(path, encoded_slash), query


def clean_path(path: str, encoded_slash: EncodedSlash = "decode") -> str:
    """Decode once, then resolve. Raises Refused for NUL, bad escapes, text that is no UTF-8, and for paths that climb
    out of the root."""
    if "%" in path:
        _check_escapes(path)
        if encoded_slash != "decode" and "%2f" in path.lower():
            if encoded_slash == "refuse":
                raise Refused(400, "invalid_path", "An encoded slash (%2F) is not allowed in the path.")
            path = path.replace("%2F", "%252F").replace("%2f", "%252F")
        raw = unquote_to_bytes(path)
    else:
        raw = path.encode("utf-8", "surrogateescape")
    if b"\0" in raw:
        raise Refused(400, "invalid_path", "The path of the request contains a NUL.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(400, "invalid_path", "The path of the request is not UTF-8.") from None
    return _resolve(text)


def _check_escapes(path: str) -> None:
    for piece in path.split("%")[1:]:
        try:
            if len(piece) < 2 or not piece[:2].isalnum():
                raise ValueError
            int(piece[:2], 16)
        except ValueError:
            raise Refused(400, "invalid_path", f"%{piece[:2]} in the path is not an escape.") from None


def _resolve(path: str) -> str:
    """Dot segments (RFC 3986 5.2.4) and repeated slashes."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments[1:]:
        if segment == "..":
            if not kept:
                raise Refused(400, "invalid_path", "The path of the request climbs above its root.")
            kept.pop()
        elif segment and segment != ".":
            kept.append(segment)
    trailing = "/" if kept and segments[-1] in ("", ".", "..") else ""
    return "/" + "/".join(kept) + trailing
