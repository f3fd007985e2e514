"""The traffic port: aiohttp's parser and connection handling, below ``web.Application``.

Reading order: ``traffic`` (listeners, draining), ``connection`` (one client's exchanges, one after the other),
``intake`` (a parsed head becomes an Exchange; ``target`` and ``origin`` clean what clients say about path, host and
themselves), ``body`` (read when somebody wants it), ``sending`` and ``output`` (replies on their way, and on the wire),
``tls`` (certificates by server name), ``settings``.
"""
