"""Who uses the Admin API, where that is not written in the environment.

- ``directory``  follows the ``admins`` objects, so that a key is good, or no longer, everywhere at once
- ``oidc``       tokens and signing in by an identity provider
"""
