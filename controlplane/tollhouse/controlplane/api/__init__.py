"""The REST Admin API: APISIX's v3 contract over the service layer.

- ``routing``    what a path means
- ``answers``    envelopes and statuses
- ``body``       reading request bodies, bounded
- ``resources``  objects: get, list, put, post, patch, delete
- ``schemas``    schemas, the list of plugins, validation of documents
- ``openapi``    the OpenAPI document
- ``server``     the order of it all: path, key, resource, body, handler
"""
