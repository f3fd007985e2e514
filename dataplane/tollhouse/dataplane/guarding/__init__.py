"""Judging content: what is in a request or an answer, who said it, and what is wrong with it. Pure.

In reading order: ``segments`` (what is said, by whom, where), ``views`` (the text without its disguises), ``packs``
(rules as data) with ``patterns`` and ``validators``, ``engine`` (rules on text), ``scoring`` (when hits of weighted
rules add up), ``inspector`` (a request item by item, remembered), ``edits`` and ``vault`` (replace and restore),
``stream`` (the same on an answer as it comes), ``destinations`` and ``overlap`` (what needs the whole conversation).
"""
