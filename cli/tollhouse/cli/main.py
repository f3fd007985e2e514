"""``gatewayctl``: finds the commands, knows where the control plane is, and ends with a documented exit code."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from tollhouse.cli import commands
from tollhouse.cli.client import DEFAULT_SERVER, DEFAULT_STATE_DIR, Connection
from tollhouse.cli.failure import Failure

EPILOG = (
    "Exit codes: 0 done, 1 refused or invalid, 2 wrong usage, 3 control plane, node or gateway unreachable, "
    "4 written but not live on every node in time."
)

app = typer.Typer(
    name="gatewayctl",
    help="Control plane and gateway between a company's AI agents and the models they call.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"gatewayctl {version('tollhouse')}")
        raise typer.Exit


@app.callback()
def connect(
    context: typer.Context,
    server: Annotated[
        str, typer.Option(envvar="TOLLHOUSE_SERVER", help="host:port of the control plane's gRPC API")
    ] = DEFAULT_SERVER,
    admin_key: Annotated[
        str, typer.Option(envvar="TOLLHOUSE_ADMIN_KEY", help="admin key; default: the one in the state folder")
    ] = "",
    state_dir: Annotated[
        Path, typer.Option(envvar="TOLLHOUSE_STATE_DIR", help="state folder of `gatewayctl up`")
    ] = DEFAULT_STATE_DIR,
    tls_ca: Annotated[str, typer.Option(help="CA certificate of the control plane (PEM); turns TLS on")] = "",
    tls_cert: Annotated[str, typer.Option(help="our client certificate (PEM)")] = "",
    tls_key: Annotated[str, typer.Option(help="key of our client certificate (PEM)")] = "",
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version and exit")
    ] = False,
) -> None:
    """Control plane and gateway between a company's AI agents and the models they call."""
    context.obj = Connection(server, admin_key, state_dir, tls_ca, tls_cert, tls_key)


def _ending(run: Callable[..., Any]) -> Callable[..., Any]:
    """The command with its failures printed and turned into exit codes."""

    @functools.wraps(run)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            code = run(*args, **kwargs)
        except Failure as failure:
            from tollhouse.cli.render import err, plain

            hint = f" [dim]({plain(failure.hint)})[/]" if failure.hint else ""
            err().print(f"[red]error:[/] {plain(failure.message)}{hint}")
            raise typer.Exit(failure.code) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:  # `gatewayctl get ... | head`
            raise typer.Exit(0) from None
        raise typer.Exit(code or 0)

    return wrapped


def _register() -> None:
    for info in sorted(pkgutil.iter_modules(commands.__path__), key=lambda module: module.name):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"{commands.__name__}.{info.name}")
            app.command(info.name)(_ending(module.run))


_register()


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
