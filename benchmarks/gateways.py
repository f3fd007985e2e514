"""The gateways that are measured, each started on its own core in front of the fake provider."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks import machine
from benchmarks.documents import PROFILES, document

_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log crit;
worker_rlimit_nofile 65536;
events {{ worker_connections 30000; }}
http {{
    access_log off;
    client_max_body_size 64m;
    client_body_buffer_size 1m;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-f; uwsgi_temp_path {folder}/nginx-u; scgi_temp_path {folder}/nginx-s;
    keepalive_requests 100000000;
    keepalive_timeout 300s;
    upstream provider {{ server 127.0.0.1:{provider}; keepalive 512; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


@dataclass
class Gateway:
    """A running gateway."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it."""
        machine.stop(self.process)


def start_provider(folder: Path, program: Path) -> Gateway:
    """The fake provider, on the other core."""
    return _started("provider", folder, lambda port: [str(program), str(port)], machine.OTHER_CORE)


def start(name: str, folder: Path, provider_port: int) -> Gateway:
    """``nginx``, ``floor`` (server and client alone), or Tollhouse under the name of a profile."""
    if name == "nginx":

        def command(port: int) -> list[str]:
            config = folder / "nginx.conf"
            config.write_text(_NGINX.format(folder=folder, port=port, provider=provider_port))
            return ["nginx", "-c", str(config), "-e", str(folder / "nginx-error.log")]

        return _started(name, folder, command)
    if name == "floor":
        return _started(
            name, folder, lambda port: [sys.executable, "-m", "benchmarks.floor", str(port), str(provider_port)]
        )
    if name not in PROFILES:
        raise ValueError(f"unknown gateway {name!r}; there are nginx, floor, {', '.join(PROFILES)}")
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump(document(name, provider_port)))
    address = f"http://127.0.0.1:{provider_port}"
    environ = {"TOLLHOUSE_ENDPOINT_OPENAI": address, "TOLLHOUSE_ENDPOINT_ANTHROPIC": address}

    logged = name not in ("bare", "unseen")
    more = {"config": str(config), "access-log": str(folder / "access.log") if logged else ""}
    if name == "ledger":
        more["control-plane"] = f"127.0.0.1:{machine.free_port()}"
    return _started(name, folder, _tollhouse(name, folder, more), environ=environ)


def start_node(name: str, folder: Path, etcd: str) -> Gateway:
    """Tollhouse with its configuration from etcd."""
    return _started(name, folder, _tollhouse(name, folder, {"etcd": etcd, "access-log": ""}))


def _tollhouse(name: str, folder: Path, more: dict[str, str]) -> Callable[[int], list[str]]:
    def command(port: int) -> list[str]:
        flags = {
            "workers": "1",
            "http-listen": f"127.0.0.1:{port}",
            "https-listen": "",
            "control-listen": f"127.0.0.1:{machine.free_port()}",
            "grpc-listen": "",
            "state-dir": str(folder / f"state-{name}"),
            **more,
        }
        return [sys.executable, "-m", "tollhouse.dataplane", *(f"--{flag}={value}" for flag, value in flags.items())]

    return command


def _started(
    name: str,
    folder: Path,
    command: Callable[[int], list[str]],
    core: int = machine.GATEWAY_CORE,
    environ: dict[str, str] | None = None,
) -> Gateway:
    port = machine.free_port()
    log = folder / f"{name}.log"
    process = machine.start(command(port), core, log=log, environ=environ)
    try:
        machine.wait_for_port(port, process, log)
    except RuntimeError:
        machine.stop(process)
        raise
    return Gateway(name, port, process)
