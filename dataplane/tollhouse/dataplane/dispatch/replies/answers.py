"""A provider's good answer as the client's reply: whole or streamed, untouched or translated."""

from __future__ import annotations

import asyncio
import operator
from typing import TYPE_CHECKING, Any

import msgspec
from tollhouse.dataplane.chat import ChatReply, Event, PartStarted, Usage
from tollhouse.dataplane.dispatch.attempts import failures
from tollhouse.dataplane.dispatch.attempts.continuing import STATE, Broken, ContinuedLeg, kept_leg, may_continue
from tollhouse.dataplane.dispatch.attempts.headers import as_mapping, from_provider
from tollhouse.dataplane.dispatch.attempts.outgoing import Prepared, reply_context
from tollhouse.dataplane.dispatch.attempts.trial import Trial
from tollhouse.dataplane.dispatch.choosing.plan import Limits
from tollhouse.dataplane.dispatch.money.entry import HEADER
from tollhouse.dataplane.dispatch.replies import events
from tollhouse.dataplane.dispatch.replies.cost_event import cost_event
from tollhouse.dataplane.dispatch.replies.edited import EditedLeg
from tollhouse.dataplane.dispatch.replies.hooked import HookedLeg
from tollhouse.dataplane.dispatch.replies.judged import JudgedResponse, judge, judges_of
from tollhouse.dataplane.dispatch.replies.legs import Hooks, Leg, TranslatedLeg, WatchedLeg
from tollhouse.dataplane.dispatch.replies.passing import pass_on
from tollhouse.dataplane.dispatch.replies.stream import StreamBody
from tollhouse.dataplane.dispatch.replies.unshown import HEADER as DROPPED
from tollhouse.dataplane.dispatch.replies.unshown import unshown
from tollhouse.dataplane.engine.tokens import complete, sound
from tollhouse.dataplane.errors import ClientError, GatewayError, UpstreamError
from tollhouse.dataplane.guarding.refusing import AnswerRefused
from tollhouse.dataplane.protocol import ReplyContext
from tollhouse.dataplane.provider import UpstreamFailure
from tollhouse.dataplane.records.plugin_times import timed_events
from tollhouse.dataplane.reply import Reply
from tollhouse.dataplane.services import Services
from tollhouse.dataplane.transport import TransportError, UpstreamResponse
from tollhouse.proto.units import format_usd

if TYPE_CHECKING:
    from tollhouse.dataplane.exchange import Exchange

_MAX_WHOLE = 64 << 20
_MAX_HELD = 256 << 10
"""Bytes of a stream that are held back while no content has come; more is let go."""

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_JSON = ("content-type", "application/json")
_SSE = ("content-type", "text/event-stream")


class Answers:
    """Reads answers. One per driver; shared by exchanges."""

    def __init__(self, services: Services) -> None:
        self._clock = services.clock

    # -- whole

    async def whole(
        self, ex: Exchange, limits: Limits, prepared: Prepared, response: UpstreamResponse, trial: Trial
    ) -> Reply | UpstreamFailure:
        """A whole body; as a stream of events when the client wanted one and the provider did not stream."""
        if prepared.spoken.opaque:
            passed = await pass_on(ex, limits, prepared.spoken, response, trial, self._clock)
            if isinstance(passed, UpstreamFailure):
                return passed
            return self._dressed(passed[0], ex, prepared, trial, passed[1])
        content_type = response.header("content-type") or "application/json"
        if "json" not in content_type:
            return UpstreamFailure("next", "invalid_reply", 0, f"The provider answered with {content_type[:80]}.")
        largest = limits.max_response_bytes or _MAX_WHOLE
        try:
            body = await response.read(largest)
        except TransportError as error:
            if error.phase == "size":  # our own limit is no failure of the provider's
                which = "max_response_bytes allows" if limits.max_response_bytes else f"{largest} bytes"
                raise UpstreamError(502, "response_too_large", f"The answer is larger than {which}.") from None
            if error.phase == "framing":
                return UpstreamFailure("final", "invalid_reply", 502, "The provider's answer is malformed.")
            return failures.cut(error.message) if not error.timed_out else failures.of_transport(error)
        hooks, judges = _hooks(ex, prepared), judges_of(ex)
        try:
            if prepared.same and hooks is None and not judges and not ex.peek.stream:
                usage, _ = prepared.spoken.read_usage(body)
                told = usage if usage is not None and usage.input_tokens and usage.output_tokens else None
                if told is None:
                    told = _counted(prepared, usage, body)
            else:
                reply = prepared.spoken.decode_reply(body)
                if not prepared.same and ex.protocol is not None:
                    ex.dropped += unshown(reply, ex.protocol.name)
                told = reply.usage
                if not (told.input_tokens and told.output_tokens):
                    told = reply.usage = _completed(prepared, told, reply)
                trial.succeed(told)
                if judges:
                    await judge(ex, events.to_events(reply))
                return self._rendered(ex, reply, prepared, response, trial, hooks, body, limits.cost_event)
        except AnswerRefused as refused:
            if refused.reply is None:
                raise
            return self._dressed(refused.reply, ex, prepared, trial, told)
        except UpstreamError as error:
            if trial.ended:
                raise
            provider = trial.target.endpoint.provider
            # Some servers put their errors into a 200.
            if error.code == failures.CODES["invalid_reply"] and _is_error(body):
                return provider.read_failure(response.status, as_mapping(response.headers), body)
            return failures.of_answer(provider, error)
        trial.succeed(told)
        headers = [("content-type", content_type), *from_provider(response.headers)]
        return self._dressed(Reply(200, headers, body), ex, prepared, trial, told)

    def _rendered(
        self,
        ex: Exchange,
        reply: ChatReply,
        prepared: Prepared,
        response: UpstreamResponse,
        trial: Trial,
        hooks: Hooks | None,
        received: bytes,
        costs: bool,
    ) -> Reply:
        """A decoded reply in the client's format, through the hooks; as it came when they leave it alone."""
        assert ex.protocol is not None
        if hooks is None and not prepared.same and not ex.peek.stream:  # nobody looks at events of it
            return self._encoded(ex, reply, prepared, response, trial)
        told = list(events.to_events(reply))
        words = [events.content_of(event) for event in told]
        shown = told if hooks is None else [kept for event in told for kept in hooks(event)]
        untouched = len(shown) == len(told) and all(map(operator.is_, shown, told))
        if untouched and prepared.same and not ex.peek.stream and words == [events.content_of(one) for one in told]:
            headers = [("content-type", response.header("content-type") or _JSON[1]), *from_provider(response.headers)]
            return self._dressed(Reply(200, headers, received), ex, prepared, trial, reply.usage)
        if ex.peek.stream:
            encoder = ex.protocol.stream_encoder(reply_context(ex, prepared))
            data = b"".join([encoder.encode(event) for event in shown])
            if costs:
                data += cost_event(ex, reply.usage)
            return self._dressed(Reply(200, [_SSE, *from_provider(response.headers)], data), ex, prepared, trial, None)
        if hooks is not None:
            reply = events.fold(shown, reply)
        return self._encoded(ex, reply, prepared, response, trial)

    def _encoded(
        self, ex: Exchange, reply: ChatReply, prepared: Prepared, response: UpstreamResponse, trial: Trial
    ) -> Reply:
        assert ex.protocol is not None
        body = ex.protocol.encode_reply(reply, reply_context(ex, prepared))
        return self._dressed(
            Reply(200, [_JSON, *from_provider(response.headers)], body), ex, prepared, trial, reply.usage
        )

    # -- streamed

    async def stream(
        self,
        ex: Exchange,
        limits: Limits,
        prepared: Prepared,
        response: UpstreamResponse,
        trial: Trial,
        until_s: float | None,
    ) -> Reply | UpstreamFailure:
        """A stream, begun only once real content (or its end) has come: until then a failure moves on. ``until_s``:
        when it must have come (monotonic), where another target is left."""
        leg = self._leg(ex, prepared, limits)
        if judges_of(ex):
            decoder = prepared.spoken.stream_decoder()
            editor = prepared.spoken.stream_editor(decoder)
            response = JudgedResponse(ex, response, decoder, self._clock, editor)
        try:
            failure = await self._hold(leg, response, trial, until_s)
        except ClientError as refused:  # by who judges answers, before anything of it was given out
            leg.feed(response.unshown)
            response.close()
            trial.cancel(leg.usage(len(prepared.body)))
            if isinstance(refused, AnswerRefused) and refused.reply is not None:
                return self._dressed(refused.reply, ex, prepared, trial, None)
            raise
        if failure is not None:
            return failure
        trial.content()
        try:
            first = leg.take()
        except GatewayError:  # a hook refused the very beginning: still an error of its own status
            trial.cancel(leg.usage(len(prepared.body)))
            raise
        last_s = None if limits.max_stream_s is None else trial.attempt.started_s + limits.max_stream_s
        most_bytes = limits.max_response_bytes
        broken: Broken | None = ex.state.get(STATE)
        if broken is not None:  # one stream, one bound
            last_s, most_bytes = broken.last_s, broken.left
        body = StreamBody(
            leg,
            response,
            trial,
            self._clock,
            len(prepared.body),
            first,
            last_s,
            most_bytes,
            limits.timeouts.idle_s,
            cost_event=limits.cost_event,
        )
        headers = [("content-type", "text/event-stream"), *from_provider(response.headers)]
        headers.append(("cache-control", "no-cache"))
        return self._dressed(Reply(200, headers, stream=body), ex, prepared, trial, None)

    def _leg(self, ex: Exchange, prepared: Prepared, limits: Limits) -> Leg:
        assert ex.protocol is not None
        client = ex.protocol
        broken: Broken | None = ex.state.get(STATE)
        if broken is not None:
            return ContinuedLeg(prepared.spoken.stream_decoder(), broken, (client.name, ex.dropped), len(prepared.body))
        hooks = _hooks(ex, prepared)
        if limits.continues and may_continue(ex):
            encoder = client.stream_encoder(reply_context(ex, prepared))
            hiding = prepared.spoken.usage_reader(hide_usage=True) if prepared.hide_usage else None
            return kept_leg(
                prepared.spoken.stream_decoder(),
                encoder,
                (client.name, ex.dropped),
                same=prepared.same,
                hiding=hiding,
                request_size=len(prepared.body),
            )
        if prepared.same and hooks is None:
            reader = prepared.spoken.usage_reader(hide_usage=prepared.hide_usage)
            return WatchedLeg(
                client, reader, lambda: client.stream_encoder(ReplyContext(ex.peek.model, request_id=ex.id))
            )
        encoder = client.stream_encoder(reply_context(ex, prepared))
        if prepared.same and hooks is not None:
            hiding = prepared.spoken.usage_reader(hide_usage=True) if prepared.hide_usage else None
            decoder = prepared.spoken.stream_decoder()
            editor = prepared.spoken.stream_editor(decoder)
            if editor is not None:
                return EditedLeg(decoder, encoder, hooks, editor)
            return HookedLeg(decoder, encoder, hooks, hiding)
        loss = client.name, ex.dropped
        return TranslatedLeg(prepared.spoken.stream_decoder(), encoder, hooks, loss, len(prepared.body))

    async def _hold(
        self, leg: Leg, response: UpstreamResponse, trial: Trial, until_s: float | None
    ) -> UpstreamFailure | None:
        """Read until there is content. A failure before that is still one that can go better elsewhere."""
        if until_s is None:
            return await self._content(leg, response, trial)
        try:  # pings and silence take equally long
            async with asyncio.timeout(max(0.0, until_s - self._clock.monotonic())):
                return await self._content(leg, response, trial)
        except TimeoutError:
            return UpstreamFailure("next", "timeout", 0, "The provider's stream brought no content in time.")

    async def _content(self, leg: Leg, response: UpstreamResponse, trial: Trial) -> UpstreamFailure | None:
        size = 0
        while not leg.has_content and not leg.ended and size <= _MAX_HELD:
            try:
                chunk = await response.chunk()
            except TransportError as error:
                return failures.of_transport(error) if error.timed_out else failures.cut(error.message)
            if chunk:
                leg.feed(chunk)
                size += len(chunk)
            else:
                leg.close()
            if leg.failed is not None and not leg.has_content:
                return failures.of_answer(trial.target.endpoint.provider, leg.failed)
            if not chunk and not leg.ended and not leg.has_content:
                return failures.cut()
            if not chunk:
                return None
        return None

    # -- both

    def _dressed(self, reply: Reply, ex: Exchange, prepared: Prepared, trial: Trial, usage: Usage | None) -> Reply:
        attempt = trial.attempt
        for name in prepared.dropped:
            if name not in ex.dropped:
                ex.dropped.append(name)
        add = reply.headers.append
        add(("x-tollhouse-target", attempt.target))
        add(("x-tollhouse-model", safe(attempt.model)))
        add(("x-tollhouse-attempts", str(len(ex.attempts))))
        if ex.dropped:
            add((DROPPED, safe(",".join(ex.dropped))))
        if trial.entry is not None and trial.entry.shares:
            add((HEADER, trial.entry.header()))
        if usage is not None:
            add(("x-tollhouse-tokens", f"{usage.input_tokens}/{usage.output_tokens}"))
            if attempt.price_known:
                add(("x-tollhouse-cost-usd", format_usd(ex.cost_nano)))
        return reply


def _counted(prepared: Prepared, told: Usage | None, body: bytes) -> Usage:
    """What is charged for an answer whose final figures have a 0 among them, or that has none."""
    if told is None or not told.total_tokens:
        text = 0 if prepared.spoken.operation == "embeddings" else len(body)
        return complete(None, len(prepared.body), text)
    try:
        return _completed(prepared, told, prepared.spoken.decode_reply(body))
    except UpstreamError:
        return told


def _completed(prepared: Prepared, told: Usage, reply: ChatReply) -> Usage:
    text = sum(map(events.text_size, events.to_events(reply)))
    if sound(told, text):
        return told
    return complete(told if told.total_tokens else None, len(prepared.body), text)


def _is_error(body: bytes) -> bool:
    """Whether a body that is no answer is an error document."""
    try:
        document = _OBJECT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return bytes(document.get("error", b"null")) != b"null"


def safe(text: str) -> str:
    """What a client wrote, fit to stand in a header."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def _hooks(ex: Exchange, prepared: Prepared) -> Hooks | None:
    """The pipeline's event hooks as one function; None when there are none. They see tools by the client's names, not
    by those the provider made necessary: policies are written for the client's."""
    hooks = ex.pipeline.event_hooks if ex.pipeline is not None else ()
    if not hooks:
        return None
    hooks = timed_events(ex, hooks)
    renamed = prepared.renamed_tools

    def run(event: Event) -> list[Any]:
        if renamed and isinstance(event, PartStarted):
            event.name = renamed.get(event.name, event.name)
        shown: list[Any] = [event]
        for hook in hooks:
            shown = [kept for one in shown for kept in hook(ex, one)]
        return shown

    return run
