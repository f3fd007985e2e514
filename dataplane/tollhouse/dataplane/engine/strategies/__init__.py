"""How one target is chosen among equals: one strategy per file, each gives a whole order and says why.

Filters (permission, ability, context length, quota, breakers) come before any of them, in ``engine.choose``; targets of
a higher priority always stand before those of a lower one. A strategy sees ``standing.Standing``s and returns
``standing.Ranked``s, so failing over is walking down the list it began with.
"""
