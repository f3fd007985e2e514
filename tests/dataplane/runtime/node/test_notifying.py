"""Notices reach real listeners: retried while that can help, filtered, never with the address in the log."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from tollhouse.dataplane.config.objects import Batch, RawObject
from tollhouse.dataplane.runtime.node import notifying
from tollhouse.dataplane.runtime.node.config_state import ConfigState
from tollhouse.dataplane.runtime.node.notifying import Notifying
from tollhouse.dataplane.spending import Alert, Crossing

from tests.support.services import PlainSecrets


class Listener:
    """A server that answers as told, one status after the other."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.bodies: list[Any] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(json.loads(await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    app = web.Application()
    app.router.add_post("/secret-path", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/secret-path"
    yield made
    await runner.cleanup()


def notifying_with(**notifiers: dict[str, Any]) -> Notifying:
    state = ConfigState()
    puts = tuple(RawObject("notifiers", name, json.dumps(value).encode(), 1, 1) for name, value in notifiers.items())
    state.apply(Batch(1, True, puts))
    return Notifying(state, PlainSecrets({"$env://HOOK_SECRET": "s"}), "node-1")


def crossing(budget: str = "b", percent: int = 80) -> Crossing:
    return Crossing(budget, budget, 1, percent, percent, 100, "tokens")


async def done(one: Notifying) -> None:
    while one._running:
        await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "PAUSES_S", (0.01, 0.01))


async def test_a_listener_in_trouble_is_told_again(listener: Listener) -> None:
    """The same delivery until it is taken."""
    listener.statuses = [500, 429]
    one = notifying_with(hook={"type": "webhook", "url": listener.url, "secret": "$env://HOOK_SECRET"})
    one.crossed(crossing())
    await done(one)
    assert len({body["delivery"] for body in listener.bodies}) == 1
    assert (len(listener.bodies), one.sent, one.given_up) == (3, 1, 0)


async def test_what_cannot_help_is_not_tried_again(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is final; the log says so without the address."""
    listener.statuses = [404]
    one = notifying_with(hook={"type": "slack", "url": listener.url})
    one.crossed(crossing())
    await done(one)
    assert (len(listener.bodies), one.given_up) == (1, 1)
    assert "404" in caplog.text
    assert "secret-path" not in caplog.text


async def test_only_what_was_asked_for_is_told(listener: Listener) -> None:
    """By budget, and from a threshold on."""
    one = notifying_with(hook={"type": "webhook", "url": listener.url, "budgets": ["b"], "at_least": 80})
    for budget, percent in (("b", 50), ("other", 100), ("b", 80), ("b", 100)):
        one.crossed(crossing(budget, percent))
    await done(one)
    assert sorted(body["percent"] for body in listener.bodies) == [80, 100]


async def test_a_test_is_sent_once_and_says_what_went_wrong(listener: Listener) -> None:
    """An operator wants to know at once."""
    gone = {"type": "webhook", "url": "http://127.0.0.1:1/"}
    one = notifying_with(hook={"type": "webhook", "url": listener.url}, gone=gone, broken={"type": "webhook"})
    assert await one.test("hook") == ""
    assert listener.bodies[0]["event"] == "test"
    listener.statuses = [503]
    assert "503" in await one.test("hook")
    assert "cannot be reached" in await one.test("gone")
    for unknown in ("nobody", "broken"):
        with pytest.raises(KeyError):
            await one.test(unknown)


async def test_alerts_about_the_same_are_told_once_and_only_to_whom_they_concern(listener: Listener) -> None:
    """Another subject is another alert."""
    one = notifying_with(
        all={"type": "webhook", "url": listener.url},
        money={"type": "webhook", "url": listener.url, "events": ["budget_threshold"]},
        other={"type": "webhook", "url": listener.url, "budgets": ["other"]},
    )
    for subject in ("openai", "openai", "anthropic"):
        one.alert(Alert("dead_key", subject, f"The key of {subject} is refused.", "", {"provider": subject}))
    await done(one)
    assert sorted(body["provider"] for body in listener.bodies) == ["anthropic", "openai"]


class MailServer:
    """Takes mails, as told: one answer to RCPT after the other."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.answers: list[str] = []
        self.signed_in: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split(" ")[0].upper()
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            elif verb == "EHLO":
                writer.write(b"250-mail\r\n250 AUTH PLAIN\r\n")
            elif verb == "AUTH":
                self.signed_in.append(line)
                writer.write(b"235 welcome\r\n" if line.endswith("AGd3AHM=") else b"535 no\r\n")
            elif verb == "RCPT" and self.answers:
                writer.write(self.answers.pop(0).encode() + b"\r\n")
            else:
                writer.write(b"250 ok\r\n")
        writer.close()


@pytest.fixture
async def post() -> AsyncIterator[tuple[MailServer, str]]:
    made = MailServer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_mails_are_sent_and_sent_again(post: tuple[MailServer, str], caplog: pytest.LogCaptureFixture) -> None:
    """A server that is busy is tried again, with the same Message-ID; who signs in does so each time."""
    server, url = post
    server.answers = ["451 later"]
    mail = {"type": "smtp", "url": url, "starttls": False, "sender": "gw@a.example", "to": ["ops@a.example"]}
    one = notifying_with(mail={**mail, "username": "gw", "password": "$env://HOOK_SECRET"})
    one.crossed(crossing())
    await done(one)
    (told,) = server.mails
    assert ("Subject: [tollhouse] Budget b is at 80 %" in told, one.sent, len(server.signed_in)) == (True, 1, 2)
    assert await one.test("mail") == ""
    assert "This is a test" in server.mails[1]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"starttls": True}, "STARTTLS"),
        ({"username": "gw", "password": "wrong"}, "user and password"),
        ({"url": "smtp://127.0.0.1:1"}, "cannot be reached"),
    ],
)
async def test_what_mail_servers_refuse_is_told(post: tuple[MailServer, str], fields: Any, problem: str) -> None:
    """Without the address and the password; a mail never goes out unencrypted where that is not said."""
    mail = {"type": "smtp", "url": post[1], "starttls": False, "sender": "gw@a.example", "to": ["ops@a.example"]}
    told = await notifying_with(mail={**mail, **fields}).test("mail")
    assert problem in told
    assert "127.0.0.1" not in told
    assert not post[0].mails


async def test_pagerduty_is_told(listener: Listener) -> None:
    """Its own body, the key revealed only there."""
    one = notifying_with(pd={"type": "pagerduty", "url": listener.url, "routing_key": "$env://HOOK_SECRET"})
    one.crossed(crossing(percent=100))
    await done(one)
    (told,) = listener.bodies
    assert (told["routing_key"], told["payload"]["severity"]) == ("s", "critical")
