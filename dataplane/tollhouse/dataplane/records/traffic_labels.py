"""Under which words requests count: few enough of them, however inventive callers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollhouse.dataplane.counting import fingerprint

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

MOST_CALLER_WORDS = 200
"""Distinct values of labels that callers write (model names, fingerprints) before further ones are ``other``."""


class TrafficLabels:
    """The labels of exchanges, as one place is configured. Remembers which words callers have used."""

    def __init__(self, *, prefer_name: bool, fingerprint_callers: bool) -> None:
        self._prefer_name = prefer_name
        self._fingerprint = fingerprint_callers
        self._words: dict[str, str] = {}

    def route(self, ex: Exchange) -> str:
        """The route by id, or by name where that is wanted and it has one."""
        route = ex.route
        if route is None:
            return ""
        return route.name if self._prefer_name and route.name else route.id

    def service(self, ex: Exchange) -> str:
        """Its service, likewise."""
        route = ex.route
        if route is None:
            return ""
        return route.service_name if self._prefer_name and route.service_name else route.service_id

    def consumer(self, ex: Exchange) -> str:
        """Who asks: the consumer, or a fingerprint of what an answered caller without one showed."""
        if ex.consumer_name or not self._fingerprint or ex.error is not None or ex.protocol is None:
            return ex.consumer_name
        return self.word(fingerprint(ex.headers))

    def asked(self, ex: Exchange) -> str:
        """The model the caller asked for."""
        model = ex.document.get("model") if ex.document is not None else None
        return self.word(model) if isinstance(model, str) else ""

    def word(self, text: str) -> str:
        """A word of the caller's, as long as there are not too many."""
        known = self._words.get(text)
        if known is None:
            if len(self._words) >= MOST_CALLER_WORDS:
                return "other"
            known = self._words[text] = text[:128]
        return known


def host_of(ex: Exchange) -> str:
    """The host pattern the route matched by; a client's free word where the route takes any host."""
    if ex.route is None:
        return ""
    resource = ex.route.resource
    hosts = [resource.host] if getattr(resource, "host", None) else getattr(resource, "hosts", None) or ()
    if ex.host in hosts:
        return ex.host
    return next((one for one in hosts if one.startswith("*") and ex.host.endswith(one[1:])), "")
