"""The one layer behind REST and gRPC.

- ``refusal``    why it says no
- ``objects``    what it takes and gives
- ``rules``      verbs, ids, timestamps
- ``merge``, ``listing``  PATCH, filters and paging: pure
- ``checking``   one object from what the user wrote to what is stored: aliases, checks, sealing
- ``referring``  who refers to whom
- ``preconditions``, ``exclusion``, ``turns``  what guards a write against other writers
- ``writing``    put, post, patch; ``deleting``
- ``reading``, ``planning``, ``applying``  document sets, all or nothing; ``batch`` for lists of objects
- ``fleet``      the nodes
- ``service``    the front of it all
"""
