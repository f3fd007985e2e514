"""The gRPC admin API; ``v1`` is its only version."""
