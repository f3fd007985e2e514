"""Objects in etcd: one key each, written in one transaction per change.

- ``objects``   what is stored, and what a change of it is
- ``batching``  operations beyond etcd's limit per transaction level, nested
- ``store``     reads, commits and watches
"""
