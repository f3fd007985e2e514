"""Cases for the guard: fresh random values in place of secrets and numbers, and texts in disguise."""

from __future__ import annotations

import base64
import codecs
import importlib
import random
import re
import string
from collections.abc import Callable
from typing import Any

_FIELD = re.compile(r"\{([a-z]\w*):([\w.]+)(?::(\w+))?\}")
_ALPHABETS = {
    "b62": string.ascii_letters + string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "url": string.ascii_letters + string.digits + "-_",
    "hex": "0123456789abcdef",
    "uphex": "0123456789ABCDEF",
    "alpha": string.ascii_letters,
    "up": string.ascii_uppercase + string.digits,
    "up32": string.ascii_uppercase + "234567",
    "dig": string.digits,
    "low": string.ascii_lowercase + string.digits,
}
_CARDS = {
    "visa": ("4539", 16),
    "mastercard": ("5412", 16),
    "amex": ("3714", 15),
    "discover": ("6011", 16),
    "jcb": ("3530", 16),
    "diners": ("3055", 14),
}
_IBANS = {
    "DE": "#" * 18, "FR": "#" * 10 + "A#########A" + "##", "ES": "#" * 20, "NL": "ABNA##########",
    "GB": "NWBK##############",
    "CH": "#" * 17, "BE": "#" * 12, "PL": "#" * 24, "IT": "X" + "#" * 22, "AT": "#" * 16, "SE": "#" * 20,
    "PT": "#" * 21,
    "IE": "AIBK##############", "DK": "#" * 14, "NO": "#" * 11, "FI": "#" * 14, "CZ": "#" * 20,
}  # fmt: skip
_SHAPES = {
    "gb.nhs": "### ### ####", "de.idnr": "###########", "fr.nir": "1 85 07 75 ### ### ##", "es.dni": "########@",
    "es.nie": "X#######@", "nl.bsn": "#########", "br.cpf": "###.###.###-##", "br.cnpj": "##.###.###/0001-##",
    "pl.pesel": "850712#####", "se.personnummer": "850712-####", "in_.aadhaar": "2### #### ####",
    "ca.sin": "### ### ###", "cn.ric": "11010519850712####", "au.tfn": "### ### ###", "ch.ssn": "756.####.####.##",
    "be.nn": "85.07.12-###.##", "fi.hetu": "120785-###@", "no.fodselsnummer": "120785 #####", "dk.cpr": "120785-####",
    "cz.rc": "850712/####", "ro.cnp": "185071240####", "tr.tckimlik": "###########", "cl.rut": "##.###.###-#",
    "mx.curp": "LOPA850712HDFRRN0#", "kr.rrn": "850712-1######", "pt.nif": "2########", "ie.pps": "#######@",
    "gr.amka": "120785#####", "hr.oib": "###########", "bg.egn": "850712####", "il.idnr": "#########",
    "za.idnr": "850712####08#", "th.pin": "1-####-#####-##-#", "ar.cuit": "20-########-#", "at.vnr": "####120785",
    "lt.asmens": "385071#####", "ee.ik": "385071#####", "es.cif": "B########", "it.codicefiscale": "RSSMRA85T10A562S",
}  # fmt: skip


def filled(text: str, luck: random.Random) -> tuple[str, list[str]]:
    """The text with its fields filled in, and the values that stand there."""
    values: list[str] = []

    def put(found: re.Match[str]) -> str:
        kind, what, form = found[1], found[2], found[3] or ""
        value = _value(kind, what, form, luck)
        values.append(value)
        return value

    return _FIELD.sub(lambda found: put(found) if _known(found) else found[0], text), values


def _known(found: re.Match[str]) -> bool:
    return found[1] in _ALPHABETS or found[1] in ("card", "iban", "id")


def _value(kind: str, what: str, form: str, luck: random.Random) -> str:
    if kind in _ALPHABETS:
        return "".join(luck.choices(_ALPHABETS[kind], k=int(what)))
    if kind == "card":
        return _grouped(_card(*_CARDS[what], luck), form)
    if kind == "iban":
        return _grouped(_iban(what, luck), form)
    return _number(what, luck)


def _grouped(value: str, form: str) -> str:
    if not form:
        return value
    sign = " " if form == "spaced" else "-"
    if len(value) == 15 and value.isdigit():
        return sign.join((value[:4], value[4:10], value[10:]))
    return sign.join(value[at : at + 4] for at in range(0, len(value), 4))


def _card(prefix: str, size: int, luck: random.Random) -> str:
    body = prefix + "".join(luck.choices(string.digits, k=size - len(prefix) - 1))
    total = 0
    for place, sign in enumerate(reversed(body)):
        figure = int(sign) * (1 if place % 2 else 2)
        total += figure - 9 if figure > 9 else figure
    return body + str(-total % 10)


def _iban(country: str, luck: random.Random) -> str:
    body = "".join(luck.choice(string.digits) if sign == "#" else sign for sign in _IBANS[country])
    number = int("".join(str(int(sign, 36)) for sign in f"{body}{country}00"))
    return f"{country}{98 - number % 97:02}{body}"


def _number(name: str, luck: random.Random) -> str:
    """A valid number of that kind, by trying."""
    if name == "au.medicare":
        head = "2" + "".join(luck.choices(string.digits, k=7))
        check = sum(int(n) * w for n, w in zip(head, (1, 3, 7, 9) * 2, strict=True)) % 10
        return f"{head[:4]} {head[4:]}{check} 1"
    module: Any = importlib.import_module(f"stdnum.{name}")
    shape = _SHAPES[name]
    for _ in range(200_000):
        made = "".join(
            luck.choice(string.digits) if sign == "#" else luck.choice(string.ascii_uppercase) if sign == "@" else sign
            for sign in shape
        )
        if module.is_valid(made):
            return made
    raise AssertionError(f"no {name} like {shape}")


# --- disguises -------------------------------------------------------------------------------------------------------

_HOMOGLYPHS = str.maketrans(
    "aeopcxyiAEOPCXTBHKM",
    "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0410\u0415\u041e\u0420\u0421\u0425\u0422\u0412\u041d\u041a\u041c",
)
_LEET = str.maketrans("aeiostAEIOST", "431057431057")
_FLAT = {"e": "\u00e9", "a": "\u00e0", "o": "\u00f6", "i": "\u00ef", "u": "\u00fc"}

DISGUISES: dict[str, Callable[[str], str]] = {
    "base64": lambda text: f"Please decode this and do what it says: {base64.b64encode(text.encode()).decode()}",
    "hex": lambda text: f"Decode and follow: {text.encode().hex()}",
    "base32": lambda text: f"Decode and follow: {base64.b32encode(text.encode()).decode()}",
    "twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "zero-width": lambda text: "\u200b".join(text),
    "homoglyph": lambda text: text.translate(_HOMOGLYPHS),
    "fullwidth": lambda text: "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text),
    "leet": lambda text: text.translate(_LEET),
    "spaced": lambda text: "   ".join(" ".join(word) for word in text.split()),
    "dotted": lambda text: "  ".join(".".join(word) for word in text.split()),
    "tags": lambda text: "Hello there" + "".join(chr(ord(sign) + 0xE0000) for sign in text),
    "entities": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "percent": lambda text: "".join(f"%{ord(sign):02X}" for sign in text),
    "escapes": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    "rot13": lambda text: "Apply rot13 and obey: " + codecs.encode(text, "rot13"),
    "reversed": lambda text: "Read this backwards and obey: " + text[::-1],
    "combining": lambda text: "".join(sign + ("\u0336" if sign.isalpha() else "") for sign in text),
    "accented": lambda text: "".join(_FLAT.get(sign, sign) for sign in text),
    "bold": lambda text: "".join(
        chr(ord(sign) - 97 + 0x1D41A)
        if "a" <= sign <= "z"
        else chr(ord(sign) - 65 + 0x1D400)
        if "A" <= sign <= "Z"
        else sign
        for sign in text
    ),
    "hyphens": lambda text: " ".join("-".join(word) for word in text.split()),
}


def cases(document: dict[str, Any], kind: str, seed: int = 20261125) -> list[dict[str, Any]]:
    """Attacks or harmless ones, filled in and disguised."""
    made = []
    for place, case in enumerate(document[kind]):
        text, values = filled(case["text"], random.Random(seed + place))
        disguise = case.get("as")
        made.append({**case, "text": DISGUISES[disguise](text) if disguise else text, "values": values})
    return made
