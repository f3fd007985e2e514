"""What models cost here, and prices from a table in LiteLLM's form."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tollhouse.cli import render
from tollhouse.cli.client import Connection
from tollhouse.cli.commands._price_table import publish, show_table, use_published
from tollhouse.cli.failure import REFUSED, USAGE, Failure
from tollhouse.cli.render import Output

if TYPE_CHECKING:
    from tollhouse.proto.catalog import PriceTable
    from tollhouse.proto.catalog.litellm import Table

_KINDS = (
    *("input", "output", "cached", "cache_write", "cache_write_1h", "reasoning"),
    *("audio_input", "audio_output", "cached_audio", "image_input", "image_output", "cached_image"),
)
_MOST_SHOWN = 200
_MOST_PROBLEMS = 20


class Action(StrEnum):
    """What to do."""

    SHOW = "show"
    IMPORT = "import"
    TABLE = "table"
    PUBLISH = "publish"


def run(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(help="show, import, table or publish")] = Action.SHOW,
    name: Annotated[
        str, typer.Argument(metavar="[FILE|MODEL]", help="import, publish: the table; show: the model")
    ] = "",
    provider: Annotated[str, typer.Option(help="only this provider: its id, or a vendor type")] = "",
    model: Annotated[str, typer.Option(help="import: only models that fit this pattern (*, ?)")] = "*",
    source: Annotated[str, typer.Option(help="import: stands in records; default: file name and checksum")] = "",
    pin: Annotated[
        bool, typer.Option("--pin", help="publish: keep it, also when a control plane comes with a newer one")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="import: write; without it only what would change is shown")
    ] = False,
    output: Annotated[Output, typer.Option("-o", "--output", help="form of the answer")] = Output.TABLE,
) -> int:
    """Show what a model costs at each provider, import prices (LiteLLM's JSON) into the `prices` of providers, show
    which table all nodes charge by, or publish another."""
    connection: Connection = context.obj
    if action is Action.TABLE:
        show_table(connection, output)
        return 0
    if action is Action.PUBLISH:
        return publish(connection, name, pin=pin)
    if not name:
        raise Failure(f"prices {action} needs a {'file' if action is Action.IMPORT else 'model'}", code=USAGE)
    stored = _stored(connection)
    use_published(connection)
    if action is Action.SHOW:
        _show(name, provider, stored, output)
        return 0
    return _import(connection, Path(name), stored, provider, model, source, yes, output)


def _stored(connection: Connection) -> dict[str, dict[str, Any]]:
    from tollhouse.proto.admin.v1 import config_pb2

    with connection.config() as config:
        found = config.List(config_pb2.ListRequest(kind="providers")).objects
    return {one.id: json.loads(one.value_json) for one in found}


def _show(model: str, only: str, stored: dict[str, dict[str, Any]], output: Output) -> None:
    from tollhouse.proto.catalog import lookup
    from tollhouse.proto.catalog.litellm import TYPES, flat

    named = {kind: {"type": kind} for kind in sorted(set(TYPES.values()))} | stored
    lines = []
    for provider, value in named.items():
        if only and only not in (provider, value["type"]):
            continue
        own = value.get("prices", {}).get(model)
        known = lookup(value["type"], model).price
        mine = flat(own) if own else {}
        if known is not None and not mine.keys() & {"input", "output"}:  # rates of its own replace the table's
            mine = {**_of_table(known), **mine}
        for kind, amount in mine.items():
            source = (own.get("source") or "config") if own and kind in flat(own) else known.source if known else ""
            lines.append({"provider": provider, "kind": kind, "usd_per_million": amount, "source": source})
    if output is not Output.TABLE:
        render.data(lines, output)
        return
    heads = ("PROVIDER", "KIND", "USD/M", "SOURCE")
    render.table(heads, [[render.plain(value) for value in line.values()] for line in lines], "no price is known")


def _import(
    connection: Connection,
    file: Path,
    stored: dict[str, dict[str, Any]],
    only: str,
    pattern: str,
    source: str,
    write: bool,
    output: Output,
) -> int:
    from tollhouse.proto.catalog.litellm import BadTable, read

    try:
        data = file.read_bytes()
        table = read(data)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", code=USAGE) from None
    except BadTable as error:
        raise Failure(f"{file}: {error}", code=USAGE) from None
    console = render.err()
    for problem in table.problems[:_MOST_PROBLEMS]:
        console.print(f"[red]error:[/] {render.plain(problem)}")
    if table.problems:
        console.print(f"[red]{len(table.problems)} prices are nonsense, nothing was written[/]")
        return REFUSED
    source = source or f"{file.name} sha256:{hashlib.sha256(data).hexdigest()[:12]}"
    documents: list[dict[str, Any]] = []
    lines: list[dict[str, str]] = []
    for provider, value in _chosen(table, stored, only).items():
        changed = {}
        for model, price in sorted(table.prices.get(value["type"], {}).items()):
            differing = _differing(value, model, price) if fnmatchcase(model, pattern) else {}
            if differing:
                changed[model] = {**price, "source": source}
                lines += [
                    {"provider": provider, "model": model, "kind": kind, "now": now, "new": new}
                    for kind, (now, new) in differing.items()
                ]
        if changed:
            documents.append({**value, "id": provider, "prices": {**value.get("prices", {}), **changed}})
    _tell(table, lines, output)
    if not documents:
        return 0
    if not write:
        console.print(f"[dim]{len(lines)} amounts differ; --yes writes them[/]")
    return _apply(connection, documents, write)


def _chosen(table: Table, stored: dict[str, dict[str, Any]], only: str) -> dict[str, dict[str, Any]]:
    """The providers the table has prices for: those there are, and the vendors' own, which routes name by type."""
    known = {kind: {"type": kind} for kind in table.prices if kind not in stored} | stored
    chosen = {
        name: one for name, one in known.items() if one["type"] in table.prices and only in ("", name, one["type"])
    }
    if only and not chosen:
        raise Failure(f"the table has no prices for {only!r}", f"there are {', '.join(sorted(table.prices))}", USAGE)
    return chosen


def _differing(value: dict[str, Any], model: str, price: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Kind of amount -> now, new."""
    from tollhouse.proto.catalog import lookup
    from tollhouse.proto.catalog.litellm import flat

    own = value.get("prices", {}).get(model)
    known = lookup(value["type"], model.removesuffix("*")).price
    now = flat(own) if own else _of_table(known)
    return {
        kind: (now.get(kind, ""), new)
        for kind, new in flat(price).items()
        if kind not in now or Decimal(now[kind]) != Decimal(new)
    }


def _of_table(known: PriceTable | None) -> dict[str, str]:
    """The bundled table's amounts, spelled as in a price."""
    from tollhouse.proto.units import format_usd

    if known is None:
        return {}
    spelled = {"cached": "cached_input", "cached_audio": "cached_audio_input", "cached_image": "cached_image_input"}
    lines = {}
    for prefix, table in (("", known), *((f"{name} ", one) for name, one in known.services)):
        for suffix, rates in (("", table.base), *((f" >{above}", one) for above, one in table.tiers)):
            for kind in _KINDS:
                lines[f"{prefix}{spelled.get(kind, kind)}{suffix}"] = format_usd(getattr(rates, kind))
    if known.only_units:
        lines = {}
    for kind, per, amount in (
        ("web_search", 1, known.search),
        ("second", 1000, known.second),
        ("character", 1, known.character),
        ("image", 1000, known.image),
    ):
        if amount:
            lines[kind] = format_usd(amount // per)
    return lines


def _tell(table: Table, lines: list[dict[str, str]], output: Output) -> None:
    if output is not Output.TABLE:
        render.data({"changes": lines, "at_nought": table.at_nought, "unread": dict(table.unread)}, output)
        return
    shown = [[render.plain(value or "-") for value in line.values()] for line in lines[:_MOST_SHOWN]]
    render.table(("PROVIDER", "MODEL", "KIND", "NOW", "NEW (USD/M)"), shown, "no price differs")
    console = render.err()
    if len(lines) > _MOST_SHOWN:
        console.print(f"[dim]and {len(lines) - _MOST_SHOWN} more; -o json shows all[/]")
    if table.at_nought:
        console.print(f"[dim]{table.at_nought} rows cost nothing at all and are left out: free is for you to say[/]")
    if table.unread:
        names = ", ".join(name for name, _ in table.unread.most_common(4))
        console.print(f"[dim]not charged here, left out: {render.plain(names)}, ...[/]")


def _apply(connection: Connection, documents: list[dict[str, Any]], write: bool) -> int:
    from tollhouse.proto.admin.v1 import config_pb2

    content = json.dumps({"providers": documents}).encode()
    document = config_pb2.Document(name="prices.json", content=content)
    with connection.config() as config:
        answer = config.Apply(config_pb2.ApplyRequest(documents=[document], dry_run=not write))
    if render.problems(answer.problems):
        return REFUSED
    if write:
        names = ", ".join(one["id"] for one in documents)
        render.err().print(f"prices of {render.plain(names)} written, revision {answer.revision}")
    return 0
