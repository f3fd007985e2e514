"""Sends a request on and brings the answer back: does what ``engine`` decides, over a ``transport``.

Reading order, for routes that serve a model:

1. ``config`` ``multi_config``   what users write; ``tutorial`` rewrites the short spellings
2. ``catalog`` ``instances``     models and instances as ``targets``, reached at ``endpoints``
3. ``plan``                      which targets, in which order, how patiently
4. ``drive``                     tries them as ``engine.failover`` says; ``trial`` keeps the books of each try
5. ``outgoing`` ``headers``      what an attempt sends
6. ``answers``                   what comes back: whole, or as a ``stream`` over one of two ``legs``
7. ``failures``                  what the client is told when nothing came

Ordinary routes: ``upstream``, with ``nodes``, ``proxying`` and ``health``.
"""
