"""Sends a request on and brings the answer back: does what ``engine`` decides, over a ``transport``.

Reading order, for routes that serve a model:

1. ``setup``     what users write as ``options``; models and instances as targets, reached at ``endpoints``
2. ``choosing``  the ``plan``: which targets, in which order, how patiently
3. ``attempts``  ``drive`` tries them as ``engine.failover`` says; ``outgoing`` and ``headers`` are what an attempt
                 sends, ``trial`` keeps its books, ``failures`` is what the client is told when nothing came
4. ``money``     what each attempt reserves, and what it came to
5. ``replies``   ``answers``: what comes back, whole, or as a ``stream`` over one of two ``legs``

Requests that name no model: ``plain``.
"""
