"""Mails to operators, over SMTP. Blocking: run it in a thread."""

from __future__ import annotations

import errno
import smtplib
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from tollhouse.dataplane.engine.notices import mail
from tollhouse.proto.reachable import Reachable
from tollhouse.proto.resources import Notifier

TIMEOUT_S = 10.0
PORTS = {"smtp": 587, "smtps": 465}


def send_mail(notifier: Notifier, url: str, password: str, event: dict[str, Any]) -> tuple[str, float, bool]:
    """(what went wrong, 0, another try cannot help); never the address or the password."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        return "its url is no smtp:// or smtps:// address", 0.0, True
    try:
        with _connected(notifier, parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme]) as server:
            if notifier.username:
                server.login(notifier.username, password)
            server.send_message(mail(event, notifier.sender or "", notifier.to))
    except smtplib.SMTPAuthenticationError:
        return "the mail server does not take the user and password", 0.0, True
    except smtplib.SMTPNotSupportedError:
        return "the mail server offers no STARTTLS (or no sign-in), which is wanted", 0.0, True
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return f"the mail server takes none of the recipients ({codes[0]})", 0.0, all(code >= 500 for code in codes)
    except smtplib.SMTPResponseException as error:
        return f"the mail server answered with {error.smtp_code}", 0.0, error.smtp_code >= 500
    except ssl.SSLError:
        return "the mail server's certificate cannot be checked", 0.0, True
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return f"the mail server cannot be reached ({type(error).__name__})", 0.0, False
    return "", 0.0, True


def _connected(notifier: Notifier, scheme: str, host: str, port: int) -> smtplib.SMTP:
    host_addresses = {str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    if not all(map(Reachable.from_environment().may, host_addresses)):
        raise PermissionError(errno.EACCES, "an address no node connects to")
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    if notifier.starttls:
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server
