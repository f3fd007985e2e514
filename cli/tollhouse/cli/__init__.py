"""The command line: asks the control plane over gRPC, and nodes and the gateway directly where that is the point.

Reading order: ``main`` (the commands and the exit codes), ``client`` (the way to the control plane), ``render`` (tables
and JSON), ``commands/`` (one command per file), ``embedded`` (what ``up`` starts and keeps alive), ``simulator/``
(servers that speak the providers' wire formats).
"""
