"""What the fields of several resource kinds have in common: ids, names, labels, hosts, addresses, plugins, secrets."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

ID_PATTERN = r"^[a-zA-Z0-9-_.]+$"
USERNAME_PATTERN = r"^[a-zA-Z0-9_-]+$"

_ID = re.compile(r"[a-zA-Z0-9\-_.]{1,64}\Z")
_USERNAME = re.compile(r"[a-zA-Z0-9_\-]{1,256}\Z")
_HOST = re.compile(r"\*?[0-9a-zA-Z\-._]+\Z|\[[0-9a-fA-F:.]+\]\Z|[0-9a-fA-F:]+:[0-9a-fA-F:.]*\Z")
_NO_SPACE = re.compile(r"\S{1,256}\Z")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BLANK = re.compile(r"[\x00-\x20\x7f]")

REFERENCE_PREFIXES = ("$env://", "$secret://", "$sealed://")
"""A string that starts with one of these stands for a value kept elsewhere, or sealed."""


def is_reference(value: str) -> bool:
    """Whether the string stands for a value kept elsewhere: its own form cannot be checked."""
    return value.startswith("$") and value.lower().startswith(REFERENCE_PREFIXES)


class Part(BaseModel):
    """A piece of a resource. Frozen, so snapshots share it; unknown fields are refused; nothing is coerced."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


def _object_id(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 1:
            raise ValueError(f"an id that is a number must be at least 1, came {value}")
        return str(value)
    if isinstance(value, str) and not _ID.match(value):
        raise ValueError("an id is 1 to 64 of the characters a-z A-Z 0-9 - _ .")
    if value in (".", ".."):
        raise ValueError("an id of dots alone could not be reached by its address")
    return value


def id_error(value: Any) -> str:
    """What is wrong with an object id; empty when nothing is."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return "an id is a string, or a whole number from 1"
    try:
        _object_id(value)
    except ValueError as error:
        return str(error)
    return ""


def username_error(value: Any) -> str:
    """What is wrong with a consumer's name; empty when nothing is."""
    if isinstance(value, str) and _USERNAME.match(value):
        return ""
    return "a username is 1 to 256 of the characters a-z A-Z 0-9 _ -"


def _username(value: str) -> str:
    if not _USERNAME.match(value):
        raise ValueError(username_error(value))
    return value


def _host(value: str) -> str:
    if not _HOST.match(value):
        raise ValueError(f"{value!r} is not a host name (a leading * stands for any prefix)")
    return value


def _address(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address or CIDR range") from None
    return value


def _label(value: str) -> str:
    if not _NO_SPACE.match(value):
        raise ValueError("a label's value is 1 to 256 characters without spaces")
    return value


def _uri(value: str) -> str:
    if not value.startswith(("/", "*")):
        raise ValueError(f"{value!r} matches no request: a uri starts with / (or is * for all)")
    return _without_control(value)


def _without_control(value: str) -> str:
    found = _CONTROL.search(value)
    if found:
        raise ValueError(f"a control character (0x{ord(found[0]):02x}) cannot stand here; remove it")
    return value


def header_name(value: str) -> str:
    """A header's name. Raises ValueError for what cannot be one, and for those that say where a message ends."""
    if not _HEADER_NAME.match(value):
        raise ValueError(f"{value!r} is not the name of a header")
    if value.lower() in ("content-length", "transfer-encoding", "connection", "host"):
        raise ValueError(f"the header {value!r} is set by the gateway; remove it")
    return value


def header_value(value: str) -> str:
    """A header's value. Raises ValueError, without the value, for one that would end the header."""
    if _CONTROL.search(value.replace("\t", " ")):
        raise ValueError("a header's value is one line, without control characters")
    return value


def endpoint(value: str) -> str:
    """The address of a server. Raises ValueError, without the value where it may hold a password."""
    if is_reference(value):
        raise ValueError("an address is no secret: write it out, or set TOLLHOUSE_ENDPOINT_<TYPE> on the nodes")
    if not value.startswith(("http://", "https://")):
        raise ValueError(f"{value!r} is not an http:// or https:// address")
    if _BLANK.search(value):
        raise ValueError("an address holds no spaces and no control characters")
    parts = urlsplit(value)
    if "@" in parts.netloc:
        raise ValueError("the address holds a user or password, which listings would show; send it under auth.header")
    try:
        fine = bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ValueError(f"{value!r} names no server: expected http://host:port, the port from 1 to 65535")
    return value


def unique(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise ValueError("the same value stands in the list twice")
    return values


def _plugins(value: Any) -> Any:
    if isinstance(value, dict):
        for name, config in value.items():
            meta = config.get("_meta") if isinstance(config, dict) else None
            if isinstance(meta, dict) and "pre_function" in meta:
                raise ValueError(
                    f"{name}._meta.pre_function is Lua source, which this gateway does not run; "
                    "remove it, or move the logic into a plugin"
                )
    return value


_ID_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": 64, "pattern": ID_PATTERN},
        {"type": "integer", "minimum": 1},
    ]
}

ObjectId = Annotated[str, BeforeValidator(_object_id), WithJsonSchema(_ID_SCHEMA)]
"""A string of 1-64 characters, or an integer from 1, which becomes its decimal text."""

Username = Annotated[
    str,
    AfterValidator(_username),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 256, "pattern": USERNAME_PATTERN}),
]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Description = Annotated[str, Field(max_length=256)]
Labels = dict[str, Annotated[str, AfterValidator(_label)]]
Host = Annotated[str, AfterValidator(_host)]
Hosts = Annotated[list[Host], Field(min_length=1), AfterValidator(unique)]
Address = Annotated[str, AfterValidator(_address)]
Addresses = Annotated[list[Address], Field(min_length=1), AfterValidator(unique)]
Uri = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_uri)]
Uris = Annotated[list[Uri], Field(min_length=1), AfterValidator(unique)]
Plugins = Annotated[dict[str, dict[str, Any]], BeforeValidator(_plugins)]
"""Plugin name -> config. The configs themselves are checked by the plugins' own classes, not here."""

HeaderName = Annotated[str, AfterValidator(header_name)]
HeaderValue = Annotated[str, AfterValidator(header_value)]
Endpoint = Annotated[str, AfterValidator(endpoint)]
Secret = Annotated[str, Field(json_schema_extra={"secret": True})]
"""Sealed before it is stored, masked whenever it is shown (see ``tollhouse.proto.sealing``)."""
SecretHeader = Annotated[Secret, AfterValidator(header_value)]


class Resource(Part):
    """An object users write. ``id`` and the timestamps stand in the stored value, as in APISIX."""

    id: ObjectId | None = None
    """The object's id; when given it must agree with the id in the address."""

    create_time: int | None = None
    """When the object was created, in epoch seconds; set by the control plane."""

    update_time: int | None = None
    """When the object was last written, in epoch seconds; set by the control plane."""


class Timeout(Part):
    """How long to wait for an upstream, in seconds per phase."""

    connect: float = Field(gt=0)
    """Seconds until a connection stands."""

    send: float = Field(gt=0)
    """Seconds between two successful writes."""

    read: float = Field(gt=0)
    """Seconds between two successful reads."""


def refuse(what: str, remedy: str) -> Any:
    """A validator for a field of APISIX's that is not supported: says so instead of ignoring it."""

    def check(value: Any) -> Any:
        if value is None:
            return value
        raise ValueError(f"{what}; {remedy}")

    return BeforeValidator(check)


LuaSource = Annotated[
    None,
    refuse("Lua source is not run by this gateway", "remove the field; use vars, or a plugin, instead"),
    WithJsonSchema({"not": {}}),
]
"""A field of APISIX's that holds Lua; only its absence (or null) is accepted."""
