"""Clients of upstream servers, both behind the port ``transport``.

    transport           LeanTransport: pooled HTTP/1.1 on asyncio transports, the default
    aiohttp_transport   AiohttpTransport: the same interface on aiohttp's client, the reference the tests compare with

Reading order of the lean one: ``transport`` (one request), ``pool`` (which connection), ``dial`` (a new one, with
``resolver`` and ``tls``), ``connection`` (the protocol and its timer), ``reception`` (a response off the wire),
``framing`` (what heads may look like), ``response`` (what the caller reads), ``socket_state`` (what only the system
knows).
"""
