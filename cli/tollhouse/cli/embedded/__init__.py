"""What ``gatewayctl up`` starts on one machine: etcd, a control plane, a data plane, and with ``--demo`` simulators.

Reading order: ``state`` (what is kept between runs), ``plan`` (which processes, with which arguments), ``etcd`` (its
binary), ``child`` (one process, restarted when it dies), ``system`` (all of them, in order), ``first_request`` (the
request ``up`` sends by itself). The demo's documents lie beside: ``tutorial.yaml``, ``catalogue.yaml``.
"""
