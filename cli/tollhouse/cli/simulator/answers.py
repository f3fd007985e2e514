"""What a simulated model says: the same to the same request, always."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from tollhouse.cli.simulator.ask import Answer, Ask, Call, Refusal, Stop, ToolOffer
from tollhouse.cli.simulator.script import Script, Step
from tollhouse.cli.simulator.tokens import count, pieces

FILLER = "and so the answer goes on for as long as the script asks, one plain word after another, saying nothing new,"
_DEEP, _MAX_DEPTH = 6, 40
"""From where on the last alternative is taken (often null, which ends what refers to itself), and where it ends."""
_NAME_WORDS_IGNORED = {"get", "set", "the", "and", "for", "tool", "run", "list", "find", "make", "call"}


def answer(ask: Ask, script: Script, number: int, created: int) -> Answer:
    """The answer to the ``number``-th request."""
    seed = hashlib.blake2b(f"{number}\0{ask.model}\0{ask.prompt}".encode(), digest_size=12).hexdigest()
    step = _step(ask, script)
    if step is not None:
        calls = list(_scripted(ask, step, seed))
        text = step.text
    else:
        calls = [_call(ask, script, tool, seed, index) for index, tool in enumerate(_called(ask, script))]
        text = "" if calls and script.text is None else _text(ask, script)
    stop: Stop = "tool_calls" if calls else "stop"
    words = pieces(text)
    if ask.max_tokens is not None and not calls and len(words) > ask.max_tokens:
        text, stop = "".join(words[: ask.max_tokens]), "length"
    if script.stop == "refusal":
        text, calls, stop = "I cannot help with that.", [], "refusal"
    elif script.stop == "length":
        stop = "length"
    thinking = f"The user wrote {count(ask.last_text)} tokens; a short answer will do." if ask.thinking else ""
    spoken = len(pieces(text)) + len(pieces(thinking)) + sum(count(call.name + call.arguments) for call in calls)
    return Answer(
        id=seed,
        created=created,
        model=ask.model,
        text=text,
        calls=calls,
        stop=stop,
        thinking=thinking,
        prompt_tokens=count(ask.prompt),
        completion_tokens=max(1, spoken),
    )


def _call(ask: Ask, script: Script, tool: ToolOffer, seed: str, index: int) -> Call:
    if tool.freeform:
        arguments = script.arguments or f"input for {tool.name}"
    else:
        arguments = script.arguments or json.dumps(_fill(tool.schema, ask.last_text, index))
    return Call(f"call_{seed}{index:02d}", tool.name, arguments, tool.freeform, tool.namespace)


def _step(ask: Ask, script: Script) -> Step | None:
    """What the script has for this round, if the request offers the tools for it."""
    if ask.rounds >= len(script.steps) or ask.choice == "none":
        return None
    step = script.steps[ask.rounds]
    return step if set(step.calls) <= set(_by_name(ask)) else None


def _by_name(ask: Ask) -> dict[str, ToolOffer]:
    return {f"{tool.namespace}.{tool.name}" if tool.namespace else tool.name: tool for tool in ask.tools}


def _scripted(ask: Ask, step: Step, seed: str) -> Iterator[Call]:
    offered = _by_name(ask)
    every = [
        (name, one) for name, given in step.calls.items() for one in (given if isinstance(given, list) else [given])
    ]
    for index, (name, given) in enumerate(every):
        tool = offered[name]
        arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        yield Call(f"call_{seed}{index:02d}", tool.name, arguments, tool.freeform, tool.namespace)


def _text(ask: Ask, script: Script) -> str:
    if script.text is not None:
        text = script.text
    elif ask.schema is not None:
        text = json.dumps(_fill(ask.schema, ask.last_text, 0))
    elif ask.tool_results:
        text = f"The tool says: {' / '.join(ask.tool_results)[:400]}"
    else:
        asked = " ".join(ask.last_text.split())
        shown = asked if len(asked) <= 160 else asked[:157] + "..."
        text = f"This is {ask.model}, simulated. You wrote: {shown}"
    if script.tokens is not None:
        words = pieces(text)
        filler = pieces(" " + FILLER)
        while len(words) < script.tokens:
            words += filler
        text = "".join(words[: script.tokens])
    return text


def _called(ask: Ask, script: Script) -> list[ToolOffer]:
    if not ask.tools or ask.choice == "none" or script.tools == "none":
        return []
    offered = {tool.name: tool for tool in ask.tools}
    if script.tools is not None and not ask.tool_results:
        names = list(offered) if script.tools == "all" else [name.strip() for name in script.tools.split(",")]
        unknown = [name for name in names if name not in offered]
        if unknown:
            raise Refusal(400, f"x-simulate asks for the tool {unknown[0]!r}, which the request does not offer.")
        return [offered[name] for name in names]
    if ask.choice not in ("auto", "any"):
        return [offered[ask.choice]]
    if ask.tool_results:
        return [ask.tools[0]] if ask.choice == "any" else []
    asked = [tool for tool in ask.tools if _asked_for(tool, ask.last_text)]
    if not asked and ask.choice == "any":
        asked = [ask.tools[0]]
    return asked if ask.parallel else asked[:1]


def _asked_for(tool: ToolOffer, text: str) -> bool:
    lowered = text.lower()
    if tool.name.lower() in lowered:
        return True
    words = {word for word in re.split(r"[^a-z0-9]+", tool.name.lower()) if len(word) > 2}
    return any(re.search(rf"\b{re.escape(word)}", lowered) for word in words - _NAME_WORDS_IGNORED)


class _Filler:
    """Makes values that fit a JSON Schema: proper names of the prompt for strings, the smallest of everything else."""

    def __init__(self, schema: dict[str, Any], text: str, index: int) -> None:
        self._root = schema
        self._index = index
        self._names = re.findall(r"(?<!^)(?<![.!?] )\b[A-Z][a-z]{2,}\b", text)

    def fill(self, schema: dict[str, Any], name: str = "value", depth: int = 0) -> Any:
        """A value for a part of the schema."""
        if depth > _MAX_DEPTH:
            return None
        if isinstance(schema.get("$ref"), str):
            return self.fill(_referred(self._root, schema["$ref"]), name, depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][self._index % len(schema["enum"])]
        for word in ("anyOf", "oneOf"):
            if schema.get(word):
                return self.fill(schema[word][0 if depth < _DEEP else -1], name, depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        return self._of(kind[0] if isinstance(kind, list) else kind, schema, name, depth)

    def _of(self, kind: str, schema: dict[str, Any], name: str, depth: int) -> Any:
        if kind == "object":
            properties = schema.get("properties") or {}
            required = schema.get("required", list(properties))
            return {key: self.fill(properties.get(key, {}), key, depth + 1) for key in required}
        if kind == "array":
            return [self.fill(schema.get("items") or {}, name, depth + 1)]
        if kind in ("integer", "number"):
            return schema.get("minimum", 1)
        if kind in ("boolean", "null"):
            return True if kind == "boolean" else None
        return self._names[self._index % len(self._names)] if self._names else f"some {name}"


def _fill(schema: dict[str, Any], text: str, index: int) -> Any:
    return _Filler(schema, text, index).fill(schema)


def _referred(root: dict[str, Any], reference: str) -> dict[str, Any]:
    """What a reference to a part of the schema leads to."""
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
