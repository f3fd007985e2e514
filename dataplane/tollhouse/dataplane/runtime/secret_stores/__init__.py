"""Where ``$secret://`` references lead, asked by the node's supervisor only.

- ``ask``      one HTTP request, and what can go wrong with it
- ``vault``, ``aws``, ``gcp``, ``file``   one kind of store each: ``read(store, path)`` gives the fields of a secret
- ``keeper``   which references the configuration has, what they stand for, and keeping that fresh
"""
