"""What authentication plugins have in common: finding whose credential it is, slowing down guesses, letting in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tollhouse.dataplane.errors import ClientError

if TYPE_CHECKING:
    from tollhouse.dataplane.config.snapshot import CompiledConsumer, Recognised
    from tollhouse.dataplane.exchange import Exchange
    from tollhouse.dataplane.services import Services


def check_wait(services: Services, ex: Exchange, presented: str, mark: str) -> None:
    """Raises ClientError 429 for a caller that has guessed too often: nothing it presents is looked at. ``mark`` stands
    for what was presented (its digest)."""
    guesses = services.guesses
    if not guesses.any:
        return
    wait_s = guesses.wait_s(ex.client_ip, presented, mark, ex.received_s)
    if wait_s > 0:
        raise ClientError(
            429,
            "too_many_wrong_keys",
            "Too many wrong credentials came from this address, or begin like this one. Wait, then send the right one.",
            retry_after_s=wait_s,
            apisix_body={"message": "Too many wrong credentials"},
        )


def find(services: Services, ex: Exchange, plugin: str, presented: str, mark: str) -> Recognised | None:
    """Whose key it is; None for nobody's, which is remembered as a guess. Raises ClientError 429."""
    check_wait(services, ex, presented, mark)
    found = ex.snapshot.consumers.recognise(plugin, mark, ex.received_at)
    if found is None:
        services.guesses.wrong(ex.client_ip, presented, mark, ex.received_s)
    else:
        services.guesses.right(mark)
    return found


def not_signed(services: Services, ex: Exchange, presented: str, mark: str) -> None:
    """Something signed was presented and the signature is not good: a guess. (A good one always lets in: nobody guesses
    signatures.) Raises ClientError 429."""
    check_wait(services, ex, presented, mark)
    services.guesses.wrong(ex.client_ip, presented, mark, ex.received_s)


def enter(ex: Exchange, consumer: CompiledConsumer, credential_id: str) -> None:
    """The exchange is this consumer's from now on."""
    ex.consumer = consumer
    ex.consumer_name = consumer.name
    ex.credential_id = credential_id
    if ex.pipeline is not None and ex.pipeline.ai:
        return  # a vendor has no business knowing who our callers are
    # What is not known is removed: a client must not be able to say it for itself.
    ex.upstream_headers += [
        ("x-consumer-username", consumer.name),
        ("x-credential-identifier", credential_id or None),
        ("x-consumer-custom-id", consumer.labels.get("custom_id")),
    ]


def enter_anonymous(ex: Exchange, name: str | None, refusal: ClientError) -> None:
    """Let in as the consumer for callers nobody knows, where one is configured. Raises ``refusal`` where not."""
    if name is None:
        raise refusal
    anonymous = ex.snapshot.consumers.by_name(name)
    if anonymous is None:
        told = "Invalid user authorization"
        raise ClientError(
            401,
            refusal.code,
            f"{told}: the anonymous consumer {name!r} does not exist.",
            headers=refusal.headers,
            apisix_body={"message": told},
        )
    enter(ex, anonymous, "")
