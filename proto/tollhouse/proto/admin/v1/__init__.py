"""``tollhouse.admin.v1``: the ``.proto`` files and the code generated from them (``make gen``)."""
