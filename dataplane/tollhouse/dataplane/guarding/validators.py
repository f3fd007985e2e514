"""Checks a candidate must pass, by name. Each takes the value and says whether it is real."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any

from tollhouse.dataplane.guarding.randomness import (
    assigned,
    basic_auth,
    classes,
    entropy,
    jwt,
    mixed,
    password,
    random,
    random40,
    spoken_password,
)

Validator = Callable[[str], bool]

_NOT_DIGIT = re.compile(r"\D")


def digits(value: str) -> str:
    """Only the ASCII digits."""
    return _NOT_DIGIT.sub("", value)


# --- persons ---------------------------------------------------------------------------------------------------------

_NO_MAIL = re.compile(
    r"(?i)@(?:[\w.-]+\.)?(?:example\.(?:com|org|net)|example|localhost|local|invalid|test|domain\.com|"
    r"email\.com|yourdomain\.com|company\.example)$"
    r"|^(?:git|noreply|no-reply|donotreply|root|postmaster|mailer-daemon|user|username|name|you|"
    r"your\.?name|\d+\+\S+)@(?:\w+\.)?(?:github|gitlab|bitbucket|users|\S*example)\S*"
    r"|\.(?:png|jpe?g|gif|svg|webp|js|css|py|ts|so|md|html?|json|ya?ml|service|target|timer|git)$"
)


def email(value: str) -> bool:
    """A real address, not one of documentation, a picture's name or a service unit."""
    return _NO_MAIL.search(value) is None and ".." not in value


def email_unicode(value: str) -> bool:
    """One with letters beyond ASCII; the others are another rule's."""
    return not value.isascii()


def luhn(number: str) -> bool:
    """The checksum of cards and of several national numbers."""
    total = 0
    for place, sign in enumerate(reversed(number)):
        figure = int(sign)
        if place % 2:
            figure = figure * 2 - 9 if figure > 4 else figure * 2
        total += figure
    return total % 10 == 0


_ISSUERS = (
    (re.compile(r"^4"), (13, 16, 19)),
    (re.compile(r"^(?:5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720))"), (16,)),
    (re.compile(r"^3[47]"), (15,)),
    (re.compile(r"^(?:6011|65|64[4-9]|62)"), (16, 17, 18, 19)),
    (re.compile(r"^35(?:2[89]|[3-8])"), (16, 17, 18, 19)),
    (re.compile(r"^3(?:0[0-5]|[689])"), (14, 16, 19)),
    (re.compile(r"^(?:5018|5020|5038|5893|6304|6759|676[1-3])"), (13, 14, 15, 16, 17, 18, 19)),
    (re.compile(r"^(?:60|65|81|82|508|9792)"), (16,)),
)


def card(value: str) -> bool:
    """An issuer's prefix, its length, and the checksum; not one figure over and over."""
    number = digits(value)
    if len(set(number)) < 2 or not luhn(number):
        return False
    return any(prefix.match(number) and len(number) in sizes for prefix, sizes in _ISSUERS)


def iban(value: str) -> bool:
    """The country's length and ISO 7064 mod 97."""
    from stdnum import iban as numbers

    try:
        # Without the countries' own checks inside: they differ from bank to bank, and mod 97 says enough.
        numbers.validate(value.replace("-", ""), check_country=False)
    except ValueError:
        return False
    return True


def ssn(value: str) -> bool:
    """A number the Social Security Administration can have given."""
    number = digits(value)
    if len(number) != 9 or len({value[3], value[-5]} - set("0123456789")) > 1:
        return False
    area, group, serial = number[:3], number[3:5], number[5:]
    return (
        area not in ("000", "666")
        and area < "900"
        and group != "00"
        and serial != "0000"
        and number not in ("123456789", "078051120", "219099999")
        and len(set(number)) > 1
    )


def nino(value: str) -> bool:
    """Prefixes that are never given out."""
    plain = value.replace(" ", "")
    return plain.isupper() and plain[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ")


def upper(value: str) -> bool:
    """Written in capitals, as such numbers are."""
    return value == value.upper()


def routing(value: str) -> bool:
    """The checksum of US bank routing numbers."""
    number = [int(sign) for sign in value]
    return (
        sum(figure * weight for figure, weight in zip(number, (3, 7, 1) * 3, strict=True)) % 10 == 0
        and value[:2] < "33"
    )


def has_digits(value: str) -> bool:
    """At least five digits: a number, not a word."""
    return sum(sign.isdigit() for sign in value) >= 5 and (value == value.upper() or value.isdigit())


def passport(value: str) -> bool:
    """Capitals and at least three figures."""
    return sum(sign.isdigit() for sign in value) >= 3 and value == value.upper()


def au_id(value: str) -> bool:
    """An Australian tax file number, or a Medicare card."""
    number = digits(value)
    if len(number) == 9:
        return sum(int(n) * w for n, w in zip(number, (1, 4, 3, 7, 5, 8, 6, 9, 10), strict=True)) % 11 == 0
    return len(number) == 10 and sum(int(n) * w for n, w in zip(number[:8], (1, 3, 7, 9) * 2, strict=True)) % 10 == int(
        number[8]
    )


def public_ip(value: str) -> bool:
    """An address of the internet, not of a private or documentation range."""
    try:
        return ipaddress.ip_address(value).is_global
    except ValueError:
        return False


def ean(value: str) -> bool:
    """EAN-13's checksum (Swiss AHV)."""
    return _stdnum("ean", digits(value))


def wallet(value: str) -> bool:
    """A Bitcoin address by its checksum; an Ethereum one by its form."""
    if value.startswith("0x"):
        return len(set(value)) > 8
    if value.startswith("bc1"):
        return value == value.lower()
    return _base58_checks(value)


def _base58_checks(value: str) -> bool:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for sign in value:
        number = number * 58 + alphabet.index(sign)
    try:
        raw = number.to_bytes(25, "big")
    except OverflowError:
        return False
    return sha256(sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


# --- libraries, loaded when first needed -----------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _module(name: str) -> Any:
    import importlib

    return importlib.import_module(f"stdnum.{name}")


@lru_cache(maxsize=4096)
def _stdnum(name: str, value: str) -> bool:
    return bool(_module(name).is_valid(value))


def _by(name: str) -> Validator:
    return lambda value: _stdnum(name, value)


_NATIONAL = (
    "pl.pesel", "se.personnummer", "no.fodselsnummer", "dk.cpr", "fi.hetu", "be.nn", "cz.rc", "ro.cnp", "bg.egn",
    "hr.oib", "tr.tckimlik", "ie.pps", "pt.nif", "mx.curp", "cl.rut", "ar.cuit", "ee.ik", "lt.asmens", "si.emso",
    "il.idnr", "za.idnr", "cn.ric", "jp.cn", "kr.rrn", "it.codicefiscale", "es.dni", "es.nie", "nl.bsn", "gr.amka",
    "ec.ci", "do.cedula", "th.pin", "my.nric", "at.vnr", "ru.inn",
)  # fmt: skip


def national_id(value: str) -> bool:
    """Valid by the rules of any of the countries whose word stood beside it."""
    plain = value.strip()
    if digits(plain).startswith("756") and len(digits(plain)) == 13:
        return ean(plain)
    return any(_stdnum(name, plain) for name in _NATIONAL)


_REGIONS = (
    "US",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "IN",
    "AU",
    "BR",
    "NL",
    "CH",
    "AT",
    "PL",
    "SE",
    "JP",
    "CN",
    "KR",
    "RU",
    "MX",
    "PT",
    "BE",
    "TR",
)


@lru_cache(maxsize=4096)
def _is_phone(value: str, region: str | None) -> bool:
    import phonenumbers

    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_possible_number(number) if region is None else phonenumbers.is_valid_number(number))


def phone(value: str) -> bool:
    """An international number; with ``00`` in front it needs separators, as bare digits may be anything."""
    if value.startswith("00"):
        return not value.isdigit() and _is_phone("+" + value[2:], None)
    return _is_phone(value, None)


def phone_us(value: str) -> bool:
    """Ten digits in North America's grouping."""
    number = digits(value)
    return (number[3] not in "01" and _is_phone(number, "US")) or (number[3:6] == "555" and number[0] in "23456789")


def phone_named(value: str) -> bool:
    """A number beside a word that says it is one: valid in one of the larger countries, or plainly grouped."""
    number = digits(value)
    if len(number) < 9 and value.isdigit():
        return False
    if not 7 <= len(number) <= 15 or len(set(number)) < 3 or re.match(r"^(?:19|20)\d\d-?[01]\d-?[0-3]\d", value):
        return False
    if re.match(r"^\d{1,3}(?:\.\d{1,3}){3}$", value):
        return False
    return (
        any(_is_phone(value, region) for region in _REGIONS)
        or (len(number) >= 9 and bool(re.search(r"\d[ ()./-]+\d", value)))
        or number[3:6] == "555"
        or (len(number) == 7 and number[:3] == "555")
    )


# --- addresses with something in them --------------------------------------------------------------------------------

_PAYLOAD = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}|(?:%[0-9A-Fa-f]{2}){6,}|(?:[A-Za-z0-9%.,@:-]+(?:%20|\+)){4,}")
_COMMON = re.compile(
    r"(?i)^https?://(?:[\w-]+\.)*(?:shields\.io|githubusercontent\.com|gravatar\.com|wikimedia\.org|"
    r"wikipedia\.org|googleusercontent\.com|badge\.fury\.io|codecov\.io|unsplash\.com|youtube\.com|"
    r"w3\.org)/"
)
_DATA_NAME = re.compile(
    r"(?i)[?&](?:d|data|q|c|content|msg|message|text|info|secret|token|key|password|payload|body|exfil|"
    r"leak|s|p|prompt|history|conversation|email|ssn)=([^&\s]{16,})"
)


def carries_data(value: str) -> bool:
    """An address whose query or path holds what looks like a message or an encoded block."""
    if _COMMON.match(value):
        return False
    rest = value.split("://", 1)[-1].partition("/")[2] or value.partition("?")[2]
    found = _DATA_NAME.search(value)
    if found is not None and (entropy(found[1]) > 3.3 or "%20" in found[1] or "+" in found[1]):
        return _search_like(found[1]) is False
    for block in _PAYLOAD.findall(rest):
        if ("%" in block or "+" in block) and not _search_like(block):
            return True
        if entropy(block) > 3.8 and classes(block) >= 2 and not re.search(r"[a-z]{3,}[-_/][a-z]{3,}", block):
            return True
    return False


def _search_like(text: str) -> bool:
    """A few plain words, as a search has them."""
    words = re.split(r"\+|%20", text)
    return 1 < len(words) <= 6 and all(re.fullmatch(r"[A-Za-z]{1,14}", word) for word in words)


VALIDATORS: dict[str, Validator] = {
    "mixed": mixed,
    "random": random,
    "random40": random40,
    "password": password,
    "spoken_password": spoken_password,
    "assigned": assigned,
    "jwt": jwt,
    "basic_auth": basic_auth,
    "email": email,
    "email_unicode": email_unicode,
    "card": card,
    "iban": iban,
    "ssn": ssn,
    "nino": nino,
    "upper": upper,
    "routing": routing,
    "has_digits": has_digits,
    "au_id": au_id,
    "passport": passport,
    "public_ip": public_ip,
    "ean": ean,
    "wallet": wallet,
    "national_id": national_id,
    "phone": phone,
    "phone_us": phone_us,
    "phone_named": phone_named,
    "carries_data": carries_data,
    "nhs": _by("gb.nhs"),
    "de_idnr": _by("de.idnr"),
    "fr_nir": _by("fr.nir"),
    "es_dni": lambda value: _stdnum("es.dni", value) or _stdnum("es.nie", value),
    "it_cf": _by("it.codicefiscale"),
    "nl_bsn": _by("nl.bsn"),
    "br_cpf": _by("br.cpf"),
    "br_cnpj": _by("br.cnpj"),
    "in_aadhaar": _by("in_.aadhaar"),
    "ca_sin": _by("ca.sin"),
    "cn_id": _by("cn.ric"),
}
"""By the names rules use."""
