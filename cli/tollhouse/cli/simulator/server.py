"""The simulator as a server: authentication, scripts, latency, faults and the log, around a dialect."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import time
from dataclasses import replace
from typing import Any, Literal

from aiohttp import web
from tollhouse.cli.simulator.answers import answer as make_answer
from tollhouse.cli.simulator.anthropic_dialect import AnthropicDialect
from tollhouse.cli.simulator.ask import Answer, Ask, Refusal
from tollhouse.cli.simulator.gemini_dialect import GeminiDialect
from tollhouse.cli.simulator.log import Entry, Log
from tollhouse.cli.simulator.openai_dialect import GoogleFace, OpenAIDialect, QwenDialect
from tollhouse.cli.simulator.responses_dialect import ResponsesDialect
from tollhouse.cli.simulator.script import Script, parse_header
from tollhouse.cli.simulator.tokens import PromptCache

Kind = Literal["openai", "anthropic", "qwen", "gemini"]
Dialect = OpenAIDialect | AnthropicDialect | GeminiDialect
DIALECTS: dict[Kind, type[OpenAIDialect] | type[AnthropicDialect] | type[GeminiDialect]] = {
    "openai": OpenAIDialect,
    "anthropic": AnthropicDialect,
    "qwen": QwenDialect,
    "gemini": GeminiDialect,
}
FURTHER: dict[Kind, tuple[type[OpenAIDialect], ...]] = {"openai": (ResponsesDialect,), "gemini": (GoogleFace,)}
"""Other chat formats a provider answers besides its first."""
MAX_BODY = 32 * 1024 * 1024
_BACKLOG = 4096
"""A provider takes every connection of a crowd that comes at once; where this is short, the kernel lets them wait a
second each."""


class Simulator:
    """One simulated provider. ``async with Simulator("openai") as sim`` serves at ``sim.url`` until the block ends."""

    def __init__(
        self,
        kind: Kind,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        models: tuple[str, ...] = (),
        script: Script | None = None,
        cache_min_tokens: int = 1024,
        log_size: int = 1000,
    ) -> None:
        self.dialect: Dialect = DIALECTS[kind]()
        self._chats: list[Dialect] = [self.dialect, *(further() for further in FURTHER.get(kind, ()))]
        self.kind = kind
        self.log = Log(log_size)
        self.base_script = script or Script()
        self._mode = Script()
        self._mode_left: int | None = None
        self._host, self._port, self._key = host, port, key
        self._models = models
        self._cache = PromptCache(cache_min_tokens)
        self._runner: web.AppRunner | None = None

    # -- lifetime

    @property
    def url(self) -> str:
        """Where it listens, without a closing slash."""
        return f"http://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    async def start(self) -> Simulator:
        """Listen. Raises OSError when the port is taken."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, reuse_address=True, backlog=_BACKLOG)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Stop listening and hang up on everybody; ``start`` listens on the same port again."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Simulator:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def simulate(self, **fields: Any) -> None:
        """Behave so from now on (``times=n``: for the next n requests). Without fields: be healthy."""
        self._mode = self.base_script.over(fields) if fields else self.base_script
        self._mode_left = self._mode.times

    # -- one request

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path in ("/_simulate", "/_log", "/_health"):
            return await self._control(request)
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._error(Refusal(413, ""), "too_large")
        try:
            document: Any = json.loads(raw) if raw else None
        except ValueError:
            document = None
        shown = document if document is not None else raw.decode("utf-8", "replace")
        entry = Entry(self.log.requests + 1, request.method, request.path_qs, _headers(request), shown)
        entry.started = time.time()
        self.log.add(entry)
        begun = time.perf_counter()
        try:
            response = await self._answer(request, document, entry)
            entry.status = response.status
            if entry.ended == "running":
                entry.ended = "complete" if response.status < 400 else "error"
            return response
        except asyncio.CancelledError:
            _left(entry)
            raise
        except ConnectionError:
            _left(entry)
            return web.Response()  # to nobody
        finally:
            entry.duration_s = round(time.perf_counter() - begun, 6)

    async def _answer(self, request: web.Request, document: Any, entry: Entry) -> web.StreamResponse:
        request_id = f"{entry.number:012x}"
        try:
            script = self._script(request)
            if script.refuse_connection:
                return self._hang_up(request, entry)
            if script.hang:
                await asyncio.sleep(3600)
            key = self._authenticate(request)
            if script.status >= 400:
                await asyncio.sleep(script.first_token_ms / 1000)
                return self._error(Refusal(script.status, script.message), request_id, script.retry_after)
            if request.method in ("GET", "HEAD"):
                return self._list(request, request_id)
            if not isinstance(document, dict):
                raise Refusal(400, "We could not parse the JSON body of your request.")
            path = request.path
            dialect = next((one for one in self._chats if one.serves(path)), None)
            if dialect is None:
                extra = self.dialect.extra(path, document)
                if extra is None:
                    raise Refusal(404, f"Invalid URL ({request.method} {path})")
                self._known_model(document.get("model"))
                self.log.bill(entry, extra[1])
                return web.json_response(extra[0], headers=self.dialect.headers(request_id))
            ask = dialect.read(dialect.enter(path, document), entry.headers)
            self._known_model(ask.model)
            answer = make_answer(ask, script, entry.number, int(entry.started))
        except Refusal as refusal:
            return self._error(refusal, request_id)
        dialect.count_cache(self._cache, key, ask, answer)
        entry.stream = ask.stream
        if ask.stream:
            return await self._stream(request, dialect, ask, answer, script, entry, request_id)
        return await self._whole(request, dialect, ask, answer, script, entry, request_id)

    def _script(self, request: web.Request) -> Script:
        script = self._mode if self._mode_left is None or self._mode_left > 0 else self.base_script
        if self._mode_left is not None and self._mode_left > 0:
            self._mode_left -= 1
        if script == Script():
            script = self.base_script
        header = request.headers.get("x-simulate")
        if header is None:
            return script
        try:
            return script.over(parse_header(header))
        except ValueError as error:
            raise Refusal(400, f"x-simulate: {error}") from None

    def _authenticate(self, request: web.Request) -> str:
        bearer = request.headers.get("authorization", "")
        key = bearer[7:].strip() if bearer.lower().startswith("bearer ") else ""
        if self.kind == "anthropic":
            key = request.headers.get("x-api-key", "") or key
        if self.kind == "gemini":
            given = request.headers.get("x-goog-api-key", "") or request.query.get("key", "")
            key = key if request.path.startswith("/v1beta/openai/") else given
        if (self._key is not None and key != self._key) or (self.dialect.key_required and not key):
            raise Refusal(401, "" if key else self._missing_key())
        return key

    def _missing_key(self) -> str:
        if self.kind == "anthropic":
            return "x-api-key header is required"
        return "You didn't provide an API key. Put it in an Authorization header (Authorization: Bearer YOUR_KEY)."

    def _known_model(self, name: Any) -> None:
        patterns = self._models or self.dialect.model_names
        if not isinstance(name, str) or not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            shown = (
                f"model: {name}"
                if self.kind == "anthropic"
                else f"The model `{name}` does not exist or you do not have access to it."
            )
            raise Refusal(404, shown)

    def _list(self, request: web.Request, request_id: str) -> web.Response:
        names = self._models or self.dialect.listed_models
        headers = self.dialect.headers(request_id)
        base = "/v1beta/models" if self.kind == "gemini" else "/v1/models"
        head, _, name = request.path.partition(base)
        if head or not request.path.startswith(base):
            raise Refusal(404, f"Invalid URL ({request.method} {request.path})")
        if name in ("", "/"):
            return web.json_response(self.dialect.model_list(names), headers=headers)
        self._known_model(name[1:])
        return web.json_response(self.dialect.model(name[1:]), headers=headers)

    async def _whole(
        self,
        request: web.Request,
        dialect: Dialect,
        ask: Ask,
        answer: Answer,
        script: Script,
        entry: Entry,
        request_id: str,
    ) -> web.StreamResponse:
        wait = script.first_token_ms + script.token_ms * max(0, answer.completion_tokens - 1)
        if wait:
            await asyncio.sleep(wait / 1000)
        self.log.bill(entry, _billed(answer, answer.completion_tokens))
        told = dialect.whole(ask, _reported(answer, script.usage_times), usage=script.usage)
        body = json.dumps(told, ensure_ascii=False).encode()
        headers = {**dialect.headers(request_id), "content-type": "application/json"}
        if script.cut_after is None and script.error_after is None:
            return web.Response(body=body, headers=headers)
        response = web.StreamResponse(headers={**headers, "content-length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return self._hang_up(request, entry, response)

    async def _stream(
        self,
        request: web.Request,
        dialect: Dialect,
        ask: Ask,
        answer: Answer,
        script: Script,
        entry: Entry,
        request_id: str,
    ) -> web.StreamResponse:
        headers = {**dialect.headers(request_id), "content-type": "text/event-stream; charset=utf-8"}
        response = web.StreamResponse(headers={**headers, "cache-control": "no-cache"})
        entry.status = 200
        await response.prepare(request)
        try:
            for data, content in dialect.events(ask, _reported(answer, script.usage_times), usage=script.usage):
                if content or script.cut_after == 0 or script.error_after == 0:
                    if script.error_after == entry.pieces_sent:
                        await response.write(dialect.error_event(script.message))
                        entry.ended = "error"
                        return response
                    if script.cut_after == entry.pieces_sent:
                        return self._hang_up(request, entry, response)
                if content:
                    wait = script.token_ms if entry.pieces_sent else script.first_token_ms
                    if wait:
                        await asyncio.sleep(wait / 1000)
                    entry.pieces_sent += 1
                await response.write(data)
            entry.ended = "complete"
        finally:
            said = answer.completion_tokens if entry.ended == "complete" else entry.pieces_sent
            self.log.bill(entry, _billed(answer, said))
        await response.write_eof()
        return response

    def _hang_up(
        self, request: web.Request, entry: Entry, response: web.StreamResponse | None = None
    ) -> web.StreamResponse:
        entry.ended = "cut"
        if request.transport is not None:
            request.transport.abort()
        return response or web.Response()

    def _error(self, refusal: Refusal, request_id: str, retry_after: float | None = None) -> web.Response:
        document = self.dialect.error_document(refusal.status, refusal.message, refusal.code, refusal.param)
        headers = self.dialect.headers(request_id)
        if "request-id" in headers:
            document["request_id"] = headers["request-id"]
        if retry_after is not None:
            headers["retry-after"] = f"{retry_after:g}"
        return web.json_response(document, status=refusal.status, headers=headers)

    # -- control

    async def _control(self, request: web.Request) -> web.Response:
        if request.path == "/_health":
            return web.json_response({"kind": self.kind, "requests": self.log.requests})
        if request.path == "/_log":
            if request.method == "DELETE":
                self.log.clear()
            return web.json_response(self.log.as_json())
        if request.method == "POST":
            try:
                fields = json.loads(await request.read() or b"{}")
                if not isinstance(fields, dict):
                    raise ValueError("expected a JSON object")
                self.simulate(**fields)
            except ValueError as error:
                return web.json_response({"error": str(error)}, status=400)
        elif request.method == "DELETE":
            self.simulate()
        return web.json_response(self._mode.model_dump(exclude_unset=True))


def _left(entry: Entry) -> None:
    if entry.ended == "running":
        entry.ended = "client left"


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _reported(answer: Answer, times: float) -> Answer:
    """The answer with the usage its reader is told."""
    if times == 1:
        return answer
    names = ("prompt_tokens", "cached_tokens", "written_tokens", "completion_tokens")
    return replace(answer, **{name: round(getattr(answer, name) * times) for name in names})


def _billed(answer: Answer, output: int) -> dict[str, int]:
    fresh = max(0, answer.prompt_tokens - answer.cached_tokens - answer.written_tokens)
    tokens = {
        "input": fresh,
        "cached_input": answer.cached_tokens,
        "cache_write": answer.written_tokens,
        "output": output,
    }
    return {name: amount for name, amount in tokens.items() if amount}
