"""The price table that all nodes charge by: published with the configuration, so that it changes everywhere at once."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator
from tollhouse.proto.catalog.reader import parse_table
from tollhouse.proto.resources.fields import Description, Resource

PUBLISHED = "published"
"""The id of the table that counts."""

Text = Annotated[str, Field(min_length=1, max_length=64)]


class PriceTable(Resource):
    """Prices by vendor and model, as ``python -m tollhouse.proto.catalog.generate`` writes them: integer nano-USD per
    million tokens."""

    source: Text
    """Where it comes from: ``genai-prices``."""

    version: Text
    """Records name it, with the source."""

    vendors: dict[str, list[Any]]
    """Vendor -> rows ``[model, names that fit, context window, [[since, rates, tiers, per 1000 searches, service
    tiers], ...]]``."""

    pinned: bool = False
    """A control plane that comes with a newer table leaves this one."""

    desc: Description | None = None
    """Why it is this one."""

    @model_validator(mode="after")
    def _read(self) -> PriceTable:
        parse_table({"source": self.source, "version": self.version, "vendors": self.vendors})
        return self
