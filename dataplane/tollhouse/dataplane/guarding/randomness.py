"""Whether a value looks random, or like a secret someone chose, and not like a name, a path or a stand-in."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter

import msgspec

_STOP = re.compile(
    r"(?i)example|sample|placeholder|your[-_ .]?|change[-_]?me|dummy|redacted|insert|replace|xxx|\.\.\.|"
    r"\*\*\*|<|>|\$\{|\{\{|\}\}|"
    r"%\(|todo|foobar|test[-_]?(?:key|token|secret|password)|fake|mock|none$|null|undefined|lorem|abcdef|"
    r"012345|123456789|"
    r"deadbeef|secret[-_]?(?:key|token|name|here|value)|(?:api|access|auth)[-_]?(?:key|token)|"
    r"my[-_](?:key|secret|token|pass)|"
    r"key[-_]?here|process\.env|os\.environ|getenv|\benv\b|config\.|settings\.|self\.|this\.|request\.|"
    r"args\.|params\.|secrets\.|hashlib|base64\.|crypto\.|random\.|uuid\."
)
_WORDS = re.compile(
    r"(?i)(?:password|passwd|secret|token|key|auth|user|name|value|string|public|private|client|server|"
    r"service|access|"
    r"request|response|header|header|config|default|database|session|cookie|oauth|login|admin|manager|"
    r"factory|provider|"
    r"handler|helper|class|function|return|import|require|optional|true|false|enabled|disabled|number|"
    r"length|count|limit|"
    r"model|input|output|file|path|http|https|data|type|error|message|content|application|json|index|system|network|"
    r"update|create|delete|insert|select|process|version|release|internal|external|storage|bucket|region|production|"
    r"staging|development|encoder|decoder|tokenizer|pretrained|reader|writer|stream|generate|validate|"
    r"verify|expired|invalid)"
)
_ID = re.compile(r"^[A-Za-z_][A-Za-z_]*(?:[.:/-][A-Za-z_]+)+$|^[a-z]+(?:_[a-z]+)+$|^[a-z]+(?:[A-Z][a-z]+)+$|^[A-Z_]+$")
_DATE_OR_VERSION = re.compile(r"^v?\d+(?:[.:_/-]\d+)+(?:T[\d:.]+Z?)?$")
_PATH = re.compile(
    r"^(?:[~.]{0,2}/|[A-Za-z]:\\|https?:|s3:|gs:|arn:|urn:|data:|file:|/)|\.(?:py|js|ts|json|ya?ml|pem|"
    r"txt|md|go|java|html|css|png|com|org|net|io|sh|crt|xml)$"
)
_PAIR = re.compile(r"^[A-Za-z_-]+=#?[0-9a-fA-F]{3,8}$")
"""``primary=#3366ff``."""
_UUID = re.compile(r"(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")


def entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values()) if size else 0.0


def classes(value: str) -> int:
    """How many of small letters, capitals and figures it has."""
    return sum(
        (any("a" <= c <= "z" for c in value), any("A" <= c <= "Z" for c in value), any(c.isdigit() for c in value))
    )


def _worded(value: str) -> float:
    """The share of the value that known words make up."""
    return sum(len(found) for found in _WORDS.findall(value)) / max(1, len(value))


def not_filler(value: str) -> bool:
    """Not a stand-in such as ``your-key-here``."""
    return _STOP.search(value) is None and len(set(value)) > 4


_STAND_IN = re.compile(
    r"(?i)example|placeholder|your[-_.]|change[-_]?me|redacted|insert|replace|xxxx|\.\.\.|\*\*\*|<|\$\{|"
    r"\{\{|key[-_]?here|goes[-_]here"
)


def mixed(value: str) -> bool:
    """A vendor's key, not the prefix with words behind it. The form says most already."""
    body = value.split("-", 1)[-1] if "-" in value[:8] else value
    return _STAND_IN.search(value) is None and classes(body) >= 2 and entropy(value) > 3.0 and _worded(value) < 0.4


def random(value: str) -> bool:
    """Letters and digits as only a generator mixes them."""
    return (
        not_filler(value)
        and mixed(value)
        and any(c.isdigit() for c in value)
        and entropy(value) > 3.4
        and not _PATH.search(value)
    )


def random40(value: str) -> bool:
    """A 40-character secret, not a commit's hash or a path."""
    return not_filler(value) and entropy(value) > 4.2 and classes(value) == 3


def password(value: str) -> bool:
    """A password in an address or a command line: anything but a variable or a stock word."""
    plain = value.strip("\"'")
    if not plain or plain[0] in "$%<{[(" or plain.endswith((")", "}", "]")) or _STOP.search(plain):
        return False
    return plain.lower() not in _STOCK and len(set(plain)) > 2


_STOCK = frozenset(
    [
        "password",
        "passwd",
        "pass",
        "pwd",
        "secret",
        "guest",
        "user",
        "username",
        "root",
        "admin",
        "test",
        "postgres",
        "mysql",
        "redis",
        "mongo",
        "token",
        "changeit",
        "string",
        "text",
        "varchar",
        "required",
        "optional",
        "hidden",
        "prompt",
        "stdin",
        "pw",
        "mypassword",
        "passw0rd",
        "password1",
        "password123",
        "null",
        "none",
        "true",
        "false",
        "redacted",
        "masked",
        "encrypted",
        "hashed",
        "username:password",
        "apikey",
        "api_key",
        "x-access-token",
        "oauth2",
        "value",
        "field",
        "input",
        "invalid",
        "incorrect",
        "missing",
        "empty",
    ]
)


def spoken_password(value: str) -> bool:
    """A password in a sentence or a form: must look like one, as a word may follow there as well."""
    plain = value.rstrip(".!?:")
    if not password(plain) or _ID.match(plain):
        return False
    has_digit = any(c.isdigit() for c in plain)
    has_sign = any(not c.isalnum() for c in plain.strip("-_./"))
    has_letter = any(c.isalpha() for c in plain)
    return has_letter and (
        has_digit
        or (has_sign and not plain.isascii())
        or (
            has_sign
            and classes(plain) >= 2
            and "'" not in plain
            and "/" not in plain
            and "-" not in plain
            and "." not in plain
            and "_" not in plain
        )
    )


def assigned(value: str) -> bool:
    """What stands after ``secret =`` and its like: random enough, and no name, path, call, version or reference."""
    plain = value.strip("\"'`").rstrip(".,;:!?")
    if len(plain) < 8 or not not_filler(plain) or plain[0] in "$%@&#*<{[(" or plain.lower() in _STOCK:
        return False
    if _ID.match(plain) or _DATE_OR_VERSION.match(plain) or _PATH.search(plain) or plain.isdigit():
        return False
    if _UUID.match(plain):
        return True
    if _PAIR.match(plain):
        return False
    kinds = classes(plain)
    if not any(c.isdigit() for c in plain):
        sign = any(not c.isalnum() and c not in "-_./" for c in plain)
        return (
            len(plain) >= 16
            and kinds == 2
            and entropy(plain) > 3.6
            and _worded(plain) < 0.25
            and "." not in plain
            and "_" not in plain
            and "-" not in plain
            and not _camel(plain)
        ) or (
            sign and kinds >= 2 and len(plain) < 40 and _worded(plain) < 0.4 and "->" not in plain and "." not in plain
        )
    if kinds < 2 and not any(not c.isalnum() and c not in "-_." for c in plain):
        return False
    if _worded(plain) > (0.45 if len(plain) < 24 else 0.3):
        return False
    return entropy(plain) > (2.6 if len(plain) < 14 else 3.0)


def _camel(value: str) -> bool:
    """Humps of a name: few upper-case letters, each followed by several lower-case ones."""
    humps = re.findall(r"[A-Z][a-z]{2,}|^[a-z]{2,}", value)
    return sum(map(len, humps)) > 0.75 * len(value)


def jwt(value: str) -> bool:
    """The first part is a JSON object that names an algorithm or a type."""
    head = value.split(".", 1)[0]
    try:
        header = msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return False
    return isinstance(header, dict) and bool(header.keys() & {"alg", "typ", "enc", "kid", "cty"})


def basic_auth(value: str) -> bool:
    """Decodes to ``name:password``."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    name, colon, secret = text.partition(":")
    return bool(colon) and len(secret) >= 3 and text.isprintable() and len(name) < 100
