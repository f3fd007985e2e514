"""What is shipped for deployment works as far as it can be checked without a cluster."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "deploy/examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_is_valid(path: Path) -> None:
    """``gatewayctl validate`` finds no error in a shipped example."""
    command = [sys.executable, "-m", "tollhouse.cli.main", "validate", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_tutorial_warns_of_the_shadowed_route() -> None:
    """Its second route never serves, and the warning says how to tell the two apart; the separated form has none."""
    for name, warned in (("tutorial.yaml", True), ("tutorial-separated.yaml", False)):
        command = [sys.executable, "-m", "tollhouse.cli.main", "validate", str(ROOT / "deploy/examples" / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert ("can never be reached" in said) is warned, said
        assert ("separate them by vars" in said) is warned, said


def test_compose_file_names_fixed_versions() -> None:
    """No image floats, etcd is recent enough to be trusted with data."""
    services = yaml.safe_load((ROOT / "deploy/compose/docker-compose.yml").read_text())["services"]
    images = [service["image"] for service in services.values()]
    assert all(":" in image and not image.endswith(":latest") for image in images)
    major, minor, patch = map(int, services["etcd"]["image"].rsplit(":v", 1)[1].split("."))
    assert (major, minor, patch) >= (3, 5, 6)


def compose_client() -> list[str] | None:
    """The client as Docker's plugin, or as the command of its own that Debian has."""
    docker = shutil.which("docker")
    if docker and not subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        return [docker, "compose"]
    alone = shutil.which("docker-compose")
    return [alone] if alone else None


def test_compose_file_is_accepted_by_docker() -> None:
    """``docker compose config`` takes the file, and refuses it, naming the variable, while a secret is not set."""
    client = compose_client()
    if client is None:
        pytest.skip("no docker compose here")
    secrets = ("TOLLHOUSE_ADMIN_KEY", "TOLLHOUSE_SEALING_KEY", "POSTGRES_PASSWORD")
    command = [*client, "-f", str(ROOT / "deploy/compose/docker-compose.yml"), "config", "--quiet"]
    for missing in (None, *secrets):
        given = {name: "x" for name in secrets if name != missing}
        environment = {**given, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert (done.returncode == 0) is (missing is None), done.stderr
        assert missing is None or "set it to" in done.stderr, done.stderr


def test_prometheus_configuration_is_accepted() -> None:
    """``promtool`` takes the scrape configuration."""
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("no promtool here")
    done = subprocess.run(
        [promtool, "check", "config", str(ROOT / "deploy/compose/prometheus.yml")], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
