"""The gRPC admin API on 9181: ``tollhouse.admin.v1`` over the same service layer as REST.

- ``convert``   the service layer's answers as messages, and its refusals as codes
- ``config``    ConfigService
- ``fleet``     FleetService
- ``gate``      the key in the metadata, by role
- ``server``    listener, TLS, health, reflection
"""
