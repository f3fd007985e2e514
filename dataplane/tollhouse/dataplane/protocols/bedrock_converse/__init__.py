"""AWS Bedrock's converse, spoken to providers only. In reading order: ``protocol``, ``write_request``, ``reply``,
``stream``, ``usage``."""

from tollhouse.dataplane.protocols.bedrock_converse.protocol import BedrockConverse

__all__ = ["BedrockConverse"]
