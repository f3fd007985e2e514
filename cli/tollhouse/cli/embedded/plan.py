"""Which processes the embedded system has, on which ports, with which arguments and environment."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path

from tollhouse.cli.embedded import etcd
from tollhouse.cli.embedded.child import Command
from tollhouse.cli.embedded.state import State
from tollhouse.cli.failure import Failure

VENDORS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
"""Provider types with a simulator, and the variable with the real key."""

OUR_KEYS = "th-"
"""How keys of our own agents begin."""


@dataclass(frozen=True)
class Ports:
    """Where everything listens on loopback."""

    http: int = 9080
    https: int = 9443
    admin: int = 9180
    admin_grpc: int = 9181
    control: int = 9090
    node_grpc: int = 9092
    etcd: int = 2379
    etcd_peer: int = 2380
    openai: int = 9601
    anthropic: int = 9602
    qwen: int = 9603

    internal = ("etcd", "etcd_peer", "openai", "anthropic", "qwen")

    def settled(self, *, demo: bool) -> Ports:
        """The same with internal ports moved where they are taken. Raises Failure that lists public ports in use."""
        taken = [name for name in self._names(demo) if not _free(getattr(self, name))]
        public = [name for name in taken if name not in self.internal]
        if public:
            listed = ", ".join(f"{getattr(self, name)} ({name.replace('_', ' ')})" for name in public)
            flags = " ".join(f"--{name.replace('_', '-')}-port N" for name in public)
            raise Failure(
                f"in use by another program: port {listed}", f"stop it, or choose others: gatewayctl up {flags}"
            )
        return replace(self, **{name: free_port() for name in taken})

    def _names(self, demo: bool) -> list[str]:
        simulators = ("openai", "anthropic", "qwen")
        return [field.name for field in fields(self) if demo or field.name not in simulators]


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class Plan:
    """Everything ``up`` will start."""

    state: State
    ports: Ports
    demo: bool = False
    workers: int = 2
    listen: str = "127.0.0.1"

    def simulated(self) -> list[str]:
        """Vendors without a real key in the environment."""
        return [vendor for vendor, variable in VENDORS.items() if not _real(variable)] if self.demo else []

    def etcd(self) -> Command:
        """The store of the configuration."""
        data = self.state.folder / "etcd"
        return Command("etcd", etcd.arguments(etcd.find_binary(), data, self.ports.etcd, self.ports.etcd_peer))

    def simulators(self) -> list[Command]:
        """The simulated providers; the demo always has the local model."""
        if not self.demo:
            return []
        kinds = [*self.simulated(), "qwen"]
        return [self._simulator(kind) for kind in kinds]

    def control_plane(self) -> Command:
        """The Admin API."""
        listen = {"admin": self.ports.admin, "grpc": self.ports.admin_grpc}
        flags = [part for name, port in listen.items() for part in (f"--{name}-listen", f"127.0.0.1:{port}")]
        flags += ["--ledger", str(self.state.folder / "ledger.sqlite")]
        address = os.environ.get("TOLLHOUSE_PUBLIC_URL") or f"http://127.0.0.1:{self.ports.admin}"
        environment = self._secrets() | {"TOLLHOUSE_PUBLIC_URL": address}
        return Command("control plane", [*_module("tollhouse.controlplane"), *self._store(), *flags], environment)

    def data_plane(self) -> Command:
        """The node that serves agents."""
        environment = self._secrets()
        for vendor in self.simulated():
            port = getattr(self.ports, vendor)
            environment[f"TOLLHOUSE_ENDPOINT_{vendor.upper()}"] = f"http://127.0.0.1:{port}"
            environment[VENDORS[vendor]] = "sk-simulated"
        https = f"{self.listen}:{self.ports.https}" if self.ports.https else ""
        listen = {
            "http": f"{self.listen}:{self.ports.http}",
            "https": https,
            "control": f"127.0.0.1:{self.ports.control}",
            "grpc": f"127.0.0.1:{self.ports.node_grpc}",
        }
        flags = [part for name, address in listen.items() for part in (f"--{name}-listen", address)]
        flags += ["--control-plane", f"127.0.0.1:{self.ports.admin_grpc}"]
        flags += ["--workers", str(self.workers), "--state-dir", str(self.state.folder / "node")]
        flags += ["--access-log", str(self.state.folder / "logs" / "access.log")]
        return Command("data plane", [*_module("tollhouse.dataplane"), *self._store(), *flags], environment)

    def documents(self) -> list[tuple[str, bytes]]:
        """The demo's documents, with this installation's ports."""
        here = Path(__file__).parent
        qwen = f"http://127.0.0.1:{self.ports.qwen}/v1".encode()
        names = ("tutorial.yaml", "catalogue.yaml")
        return [(name, (here / name).read_bytes().replace(b"http://127.0.0.1:9603/v1", qwen)) for name in names]

    def _simulator(self, kind: str) -> Command:
        listen = f"127.0.0.1:{getattr(self.ports, kind)}"
        pace = ["--first-token-ms", "40", "--token-ms", "8", "--cache-min-tokens", "64"]
        return Command(
            f"{kind} simulator", [*_module("tollhouse.cli.main"), "simulate", kind, "--listen", listen, *pace]
        )

    def _store(self) -> list[str]:
        return ["--etcd", f"127.0.0.1:{self.ports.etcd}"]

    def _secrets(self) -> dict[str, str]:
        return {"TOLLHOUSE_ADMIN_KEY": self.state.admin_key, "TOLLHOUSE_SEALING_KEY": self.state.sealing_key}


def _real(variable: str) -> bool:
    """Whether the environment has a vendor's key. Our own agents' keys stand there too: the README tells to."""
    value = os.environ.get(variable, "")
    return bool(value) and not value.startswith(OUR_KEYS)


def _module(name: str) -> list[str]:
    # -P: a random.py or secrets.py in the folder `up` is called in is nobody's module here.
    return [sys.executable, "-P", "-m", name]
