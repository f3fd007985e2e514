"""Approvals: what a budget asked operators for, and what they said."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from tollhouse.proto.resources.budget import Amount
from tollhouse.proto.resources.fields import ObjectId, Part, Resource

Text = Annotated[str, Field(max_length=512)]
Count = Annotated[int, Field(ge=0)]

State = Literal["pending", "approved", "denied", "revoked"]


class ApprovalContext(Part):
    """Of the request that asked first: what it wants, without anything of what it says."""

    node: Text = ""
    """Where it came in."""

    request: Text = ""
    """The request's id."""

    consumer: Text = ""
    """Who asks; a fingerprint or address for callers nobody knows."""

    groups: Annotated[list[Text], Field(max_length=32)] = []
    """The consumer's group and those above it."""

    route: Text = ""
    """The route's id."""

    model: Text = ""
    """The model that was asked for."""

    target: Text = ""
    """Where it would be sent."""

    session: Text = ""
    """The session, as the agent names it."""

    tags: Annotated[dict[str, Text], Field(max_length=32)] = {}
    """The request's tags."""

    stream: bool = False
    """Whether the answer is to be streamed."""

    messages: Count = 0
    """How many messages the conversation has."""

    tools: Count = 0
    """How many tools are offered to the model."""

    body_bytes: Count = 0
    """The length of what would be sent."""

    input_tokens: Count = 0
    """What it can come to at most."""

    output_tokens: Count = 0
    """What the model may answer at most."""

    held: bool = False
    """Whether the client waits for the decision."""


class Approval(Resource):
    """Opened by a node, decided once by an operator. Nobody writes one as a document."""

    budget: ObjectId
    """The budget that has no room."""

    key: Annotated[str, Field(min_length=1, max_length=4096)]
    """The budget's id, and the values of its ``each`` dimensions: what a grant is good for."""

    unit: Literal["usd", "tokens", "requests"]
    """Of every amount here."""

    state: State = "pending"
    """What was decided."""

    opened_at: int
    """Epoch seconds."""

    expires_at: int
    """Until when it can be decided."""

    limit: Amount
    """The budget's amount."""

    used: Text = "0"
    """What of it was used or held when this was asked for."""

    needed: Text = "0"
    """What the request may cost at worst."""

    suggested: Amount
    """What is granted when the operator names no amount, and the most a signed link can grant."""

    context: ApprovalContext = ApprovalContext()
    """Of the request that asked first."""

    granted: Amount | None = None
    """When approved: how much may be used beyond the budget."""

    until: int = 0
    """When approved: the end of the grant; when denied: until when nobody is asked again. Epoch seconds."""

    decided_by: Text = ""
    """The admin key's name."""

    decided_via: Literal["", "grpc", "rest", "console", "link"] = ""
    """How it was decided."""

    decided_at: int = 0
    """Epoch seconds."""

    note: Text = ""
    """What the operator has to say about it."""
