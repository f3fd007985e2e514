"""Google's Vertex AI, by generateContent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tollhouse.dataplane.dialect import Dialect
from tollhouse.dataplane.providers._google import GOOGLE
from tollhouse.dataplane.providers._vendor import Vendor


class VertexAi(Vendor):
    """Needs ``endpoint`` up to the location (``https://us-central1-aiplatform.googleapis.com/v1/projects/P/locations/
    us-central1``). A token is had for the service account in ``auth.gcp``, by default the one whose JSON is in the
    environment variable ``GCP_SERVICE_ACCOUNT``; a token of one's own goes into ``auth.header``."""

    type = "vertex-ai"
    otel_name = "gcp.vertex_ai"
    speaks: ClassVar[Mapping[str, str]] = {"gemini_generate": "/publishers/google/models/{model}:generateContent"}
    streams: ClassVar[Mapping[str, str]] = {
        "gemini_generate": "/publishers/google/models/{model}:streamGenerateContent?alt=sse",
    }
    joins_path: ClassVar[bool] = True
    credentials: ClassVar[Mapping[str, str]] = {"service_account_json": "$env://GCP_SERVICE_ACCOUNT"}
    signs = "gcp"
    dialect = Dialect(takes_call_ids=False)  # its reader refuses them, unlike the Gemini API's
    says = GOOGLE

    def locate(self, region: str, project: str) -> str:
        """As the port says; empty without a project."""
        host = "aiplatform.googleapis.com" if region == "global" else f"{region}-aiplatform.googleapis.com"
        return f"https://{host}/v1/projects/{project}/locations/{region}" if project else ""
