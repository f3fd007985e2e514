"""Fixtures every test may ask for."""

from tests.support.etcd_server import etcd, etcd_cluster, shared_etcd

__all__ = ["etcd", "etcd_cluster", "shared_etcd"]
