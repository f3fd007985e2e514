"""Certificates by server name, from the ``ssls`` of the current configuration."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Any, cast

from tollhouse.dataplane.errors import GatewayError
from tollhouse.dataplane.runtime.pem import load_pem_chain
from tollhouse.dataplane.runtime.server.target import Refused
from tollhouse.proto.resources.ssl import Ssl

log = logging.getLogger("tollhouse.server")

Ssls = Mapping[str, tuple[int, Ssl]]
_VERSIONS = ("TLSv1.2", "TLSv1.3")


class NameContext(ssl.SSLContext):
    """The context of one ``ssls`` object."""

    client_depth: int | None
    """How long a client's chain may be; None when no client certificate is wanted."""
    versions: tuple[str, ...]
    """Protocol versions offered."""


class ServerContexts:
    """Chooses a context per handshake. Contexts are built when first needed and kept while their object stands
    unchanged (its mod_revision).

    Client certificates: OpenSSL takes the verification mode from the context a handshake began with, not from the one
    the server name chose. So as soon as one object wants client certificates, all clients are invited to show one,
    what they show must be valid under the chosen name, and who shows none is refused where one is wanted. Protocol
    versions likewise: they are agreed before the name is known, so a wrong one is refused after the handshake.
    """

    def __init__(self, ssls: Callable[[], Ssls], reveal: Callable[[str], str]) -> None:
        self._ssls = ssls
        self._reveal = reveal
        self._seen: Ssls | None = None
        self._ids: dict[str, str] = {}
        self._built: dict[str, tuple[int, NameContext | None]] = {}
        self.any_client_ca = False
        self.base = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        """What listeners are opened with."""
        self.base.minimum_version = ssl.TLSVersion.TLSv1_2
        self.base.set_alpn_protocols(["http/1.1"])
        self.base.sni_callback = self._chosen
        self.refresh()

    def refresh(self) -> None:
        """Look whether the configuration has changed; cheap when it has not."""
        ssls = self._ssls()
        if ssls is self._seen:
            return
        self._seen = ssls
        self._ids = {
            name.lower(): key for key, (_, one) in sorted(ssls.items()) if one.status == 1 for name in one.names
        }
        self._built = {key: built for key, built in self._built.items() if key in ssls and ssls[key][0] == built[0]}
        self.any_client_ca = any(one.client is not None for _, one in ssls.values() if one.status == 1)
        self.base.verify_mode = ssl.CERT_OPTIONAL if self.any_client_ca else ssl.CERT_NONE
        self.base.num_tickets = 0 if self.any_client_ca else 2
        if self.any_client_ca:  # a resumed session must not carry a certificate from one name to another
            self.base.options |= ssl.OP_NO_TICKET
        else:
            self.base.options &= ~ssl.OP_NO_TICKET

    def context_for(self, server_name: str | None) -> NameContext | None:
        """The context for a name (None: the client told none), or None when there is no usable one."""
        self.refresh()
        key = self._id_of(server_name)
        if key is None or self._seen is None:
            return None
        revision, one = self._seen[key]
        kept = self._built.get(key)
        if kept is None or kept[0] != revision:
            kept = self._built[key] = (revision, self._build(key, one))
        return kept[1]

    def check_client(self, tls: ssl.SSLObject) -> Refused | None:
        """Why the client of a finished handshake may not ask anything, if it may not."""
        context = tls.context
        if not isinstance(context, NameContext):
            return None
        if tls.version() not in context.versions:
            wanted = " or ".join(context.versions)
            return Refused(400, "tls_version_not_allowed", f"Connect with {wanted}; this was {tls.version()}.")
        if context.client_depth is None:
            return None
        if not tls.getpeercert(binary_form=True):
            return Refused(400, "client_certificate_required", "No required SSL certificate was sent.")
        chain = cast(Any, tls)._sslobj.get_verified_chain() or ()
        if len(chain) - 2 > context.client_depth:
            return Refused(400, "client_certificate_invalid", "The chain of the client certificate is too long.")
        return None

    def check_host(self, tls: ssl.SSLObject | None, host: str) -> None:
        """Raises Refused when ``host`` wants client certificates and the connection was made under another name."""
        wanted = self.context_for(host) if self._id_of(host) is not None else None
        if wanted is None or wanted.client_depth is None:
            return
        if tls is None or tls.context is not wanted:
            text = "The connection was made for another server name. Connect under the name of the Host header."
            raise Refused(421, "misdirected_request", text)

    def _chosen(self, tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        context = self.context_for(name)
        if context is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.context = context
        return None

    def _id_of(self, name: str | None) -> str | None:
        if name is None:
            keys = set(self._ids.values())
            return keys.pop() if len(keys) == 1 else None
        name = name.lower().rstrip(".")
        return self._ids.get(name) or self._ids.get("*." + name.partition(".")[2])

    def _build(self, key: str, one: Ssl) -> NameContext | None:
        context = NameContext(ssl.PROTOCOL_TLS_SERVER)
        context.client_depth = None
        try:
            load_pem_chain(context, one.cert, self._reveal(one.key))
            for cert, private in zip(one.certs or (), one.keys or (), strict=True):
                load_pem_chain(context, cert, self._reveal(private))
            if one.client is not None:
                context.load_verify_locations(cadata=one.client.ca)
                context.client_depth = one.client.depth
        except (OSError, ValueError, GatewayError) as error:
            log.error("certificate unusable", extra={"ssl": key, "error": str(error)})
            return None
        context.versions = tuple(sorted(one.ssl_protocols or _VERSIONS))
        context.set_alpn_protocols(["http/1.1"])
        return context
