"""The one layer behind REST and gRPC.

- ``refusal``    why it says no
- ``objects``    what it takes and gives
- ``rules``      verbs, ids, timestamps
- ``merge``, ``listing``  PATCH, filters and paging: pure
- ``checking``   one object from what the user wrote to what is stored: aliases, checks, sealing
- ``referring``  who refers to whom
- ``writing``    put, post, patch, delete
- ``applying``   document sets, all or nothing
- ``fleet``      the nodes
- ``service``    the front of it all
"""
