"""The control plane: the Admin API over a configuration in etcd. Stateless; any number of them may run.

Reading order:

- ``settings``  what it is started with, ``access`` who may use it
- ``service/``  the one layer behind both faces: checks, writes, listings, document sets, the fleet
- ``store/``    objects in etcd, one transaction per write
- ``api/``      REST (APISIX's v3 contract), ``grpc/`` the same for programs
- ``offline``   the checks without any server
- ``app``       what is started and stopped, in which order
"""
