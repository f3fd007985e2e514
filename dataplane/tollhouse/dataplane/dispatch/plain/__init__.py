"""Requests that name no model: proxied to the nodes of an upstream, or to the account that keeps a thing."""
