"""Fixtures every test may ask for."""

import os

from hypothesis import settings

from tests.support.etcd_server import etcd, etcd_cluster, shared_etcd

__all__ = ["etcd", "etcd_cluster", "shared_etcd"]

# CI repeats the same examples, so that a change is judged by what it changes; elsewhere each run looks for new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
