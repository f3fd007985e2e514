"""The contract: what both planes and the CLI must agree on, and nothing else.

Reading order:

- ``problems``   how a mistake in a config is reported (where, what, hint)
- ``units``      money as integer nano-USD
- ``keys``       the etcd key layout
- ``resources``  the resource kinds as users write them (APISIX's JSON and ours)
- ``documents``  YAML and JSON documents in and out, with line numbers
- ``sealing``    secrets at rest: hashed keys, encrypted values, references
- ``etcd``       the asyncio etcd client both planes use
- ``admin.v1``   the gRPC admin API both planes serve
"""
