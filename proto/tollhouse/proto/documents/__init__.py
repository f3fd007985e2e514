"""YAML and JSON documents in and out, with line numbers.

- ``marked``   text to plain data with the line of every value
- ``reading``  documents to objects
- ``writing``  objects to documents
"""

from tollhouse.proto.documents.reading import DocumentObject, Parsed, locate_problems, parse_documents
from tollhouse.proto.documents.writing import dump_documents, dump_value

__all__ = ["DocumentObject", "Parsed", "dump_documents", "dump_value", "locate_problems", "parse_documents"]
