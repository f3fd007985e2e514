"""TLS towards upstream servers: verification, client certificates, and sessions that are resumed."""

from __future__ import annotations

import ssl
from collections import OrderedDict

from tollhouse.dataplane.runtime.pem import load_pem_chain
from tollhouse.dataplane.transport import Origin, TransportError

_MAX_SESSIONS = 1024


class SessionContext(ssl.SSLContext):
    """An SSLContext that resumes the last session of a server name. asyncio has no parameter for that, but asks the
    context for each connection's TLS object, and this is where a session can be put in."""

    sessions: OrderedDict[str, ssl.SSLSession]

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        if session is None and isinstance(server_hostname, str):
            session = self.sessions.get(server_hostname)
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def remember(self, server_name: str, session: ssl.SSLSession | None) -> None:
        """Keep a session for the next connection to the same name."""
        if session is None or not session.has_ticket:
            return
        self.sessions[server_name] = session
        self.sessions.move_to_end(server_name)
        if len(self.sessions) > _MAX_SESSIONS:
            self.sessions.popitem(last=False)


class ClientContexts:
    """The contexts of a transport: one per combination of verification and client certificate."""

    def __init__(self, *, ca_file: str | None = None) -> None:
        """``ca_file``: PEM bundle trusted beside the system's."""
        self._ca_file = ca_file
        self._contexts: dict[tuple[bool, str, str], SessionContext] = {}

    def of(self, origin: Origin) -> SessionContext:
        """The context to reach an origin with. Raises TransportError when its client certificate is unusable."""
        key = (origin.verify, origin.client_cert, origin.client_key)
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = self._make(origin)
        return context

    def _make(self, origin: Origin) -> SessionContext:
        context = SessionContext(ssl.PROTOCOL_TLS_CLIENT)
        context.sessions = OrderedDict()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        if origin.verify:
            context.load_default_certs()
            if self._ca_file:
                context.load_verify_locations(self._ca_file)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if origin.client_cert:
            try:
                load_pem_chain(context, origin.client_cert, origin.client_key)
            except (OSError, ValueError) as error:
                raise TransportError("tls", f"The client certificate for {origin.host} is unusable: {error}.") from None
        return context


def server_name(origin: Origin) -> str:
    """The name sent as SNI and verified."""
    return origin.server_name or origin.host.strip("[]")
