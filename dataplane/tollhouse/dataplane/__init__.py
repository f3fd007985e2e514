"""Serves requests. The life of one, with file names:

1. ``runtime/server``   bytes in; the snapshot is picked up once
2. ``engine/match``     which route (``config/snapshot`` holds the compiled ones)
3. ``protocols/``       the client's wire format reads what is needed into the ``exchange``
4. ``pipeline``         the stages of ``stages``: accept, identify, admit, shape, guard, answer
5. ``engine/choose``    which targets, in which order; ``engine/failover`` says try, wait, or give up
6. ``dispatch/``        does what ``engine`` says, over a ``transport``
7. ``protocols/``       the reply, translated only when the two sides speak differently
8. ``pipeline``         settle and record, whatever happened
"""
