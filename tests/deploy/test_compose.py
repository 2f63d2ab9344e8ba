"""docker-compose.yml: as Compose reads it, and its parts run by this machine's Kafka and Prometheus."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.broker import Broker
from stream.broker.launch import Extras
from stream.broker.port import HOST, free_port
from stream.cli import main
from stream.engine.run import STOP_WITHIN_S
from stream.settings import load, parse_duration
from tests.conftest import need_kafka
from tests.deploy import compose, container, tools
from tests.deploy.container import Contained, Container
from tests.deploy.dockerfile import ROOT
from tests.deploy.prometheus import need_alertmanager, need_prometheus

SERVICES = compose.services()
OURS = [name for name, service in SERVICES.items() if "build" in service]
RUNNING = [name for name in SERVICES if name not in ("topics", "simulator")]

every_service = pytest.mark.parametrize("name", SERVICES)


def loaded(*profiles: str) -> dict[str, Any]:
    """The project as Compose's own loader has it. Fails with what that says."""
    done = subprocess.run(
        [tools.need("compose-go"), "-format", "json", str(compose.COMPOSE)],
        env={"COMPOSE_PROFILES": ",".join(profiles), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    # It ends with 0 whatever it found.
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    project: dict[str, Any] = json.loads(done.stdout)
    return project


def test_compose_loads_it() -> None:
    assert set(loaded("demo", "more")["services"]) == set(SERVICES)


def test_compose_refuses_what_is_not_in_its_schema(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(compose.COMPOSE.read_text("utf-8").replace("read_only: true", "readonly: true"))
    done = subprocess.run([tools.need("compose-go"), str(wrong)], capture_output=True, text=True, check=False)
    assert "readonly" in done.stdout + done.stderr


@every_service
def test_a_service_is_pinned_and_may_little(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]), "a version to the last number"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "restart" in service
    assert service["logging"]["options"]["max-size"]
    # Kafka's image writes its configuration beside its program.
    assert service.get("read_only", False) is (name != "kafka")
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:")


@every_service
def test_a_service_has_no_secret(name: str) -> None:
    for key in SERVICES[name].get("environment", {}):
        assert not re.search(r"PASSWORD|SECRET|TOKEN|_KEY", key)


@every_service
def test_what_is_mounted_is_there(name: str) -> None:
    for outside in compose.binds(SERVICES[name]):
        assert outside.exists(), outside
        assert outside.is_file() or list(outside.iterdir()), outside


@pytest.mark.parametrize("name", RUNNING)
def test_what_runs_is_asked_whether_it_is_well(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_nothing_starts_before_what_it_needs() -> None:
    needed = {
        name: {to: how["condition"] for to, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert needed["topics"] == {"kafka": "service_healthy"}
    assert (
        needed["worker"]
        == needed["more-workers"]
        == needed["simulator"]
        == {"topics": "service_completed_successfully"}
    )
    assert needed["prometheus"] == {"alertmanager": "service_healthy"}
    assert needed["grafana"] == {"prometheus": "service_healthy"}
    for targets in needed.values():
        for target, condition in targets.items():
            assert condition != "service_healthy" or "healthcheck" in SERVICES[target]


@pytest.mark.parametrize("name", OURS)
def test_the_command_and_the_environment_are_understood(name: str) -> None:
    service = SERVICES[name]
    settings = load(None, service["environment"])
    assert settings.broker == "kafka:9092"
    command: click.Command = main
    arguments = list(service["command"])
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), arguments.pop(0))
        assert found is not None
        command = found
    given = command.make_context(name, arguments).params  # raises where an option or its value is none
    if name == "simulator":
        assert given["topic"] == settings.input.topic
        assert given["broker"] == settings.broker
        # Nothing alerts before detection has learned.
        warm_up = next(d for d in given.items() if d[0] == "days")[1]
        assert warm_up > 7


def test_a_worker_has_the_time_to_stop() -> None:
    assert parse_duration(SERVICES["worker"]["stop_grace_period"]) > STOP_WITHIN_S * 1000


def test_prometheus_finds_the_services() -> None:
    configuration = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    (alertmanagers,) = configuration["alerting"]["alertmanagers"]
    (target,) = alertmanagers["static_configs"][0]["targets"]
    assert target == "alertmanager:9093"
    job = next(job for job in configuration["scrape_configs"] if "footfall" in job["job_name"])
    (found,) = job["dns_sd_configs"]
    assert found["names"] == ["worker"]
    assert SERVICES["worker"]["ports"] == [f"127.0.0.1:6066:{found['port']}"]
    # One published port, and so one such worker; any number of others under its name.
    assert loaded("more")["services"]["more-workers"]["networks"]["default"]["aliases"] == found["names"]
    assert SERVICES["more-workers"]["ports"] == []


def test_grafana_finds_prometheus_and_its_dashboards() -> None:
    grafana = SERVICES["grafana"]
    inside = {where: outside for outside, where in compose.binds(grafana).items()}
    provisioning = inside["/etc/grafana/provisioning"]
    (source,) = yaml.safe_load(next((provisioning / "datasources").iterdir()).read_text("utf-8"))[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load(next((provisioning / "dashboards").iterdir()).read_text("utf-8"))[
        "providers"
    ]
    dashboards = inside[provider["options"]["path"]]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (dashboards / home.name).exists()


def test_nobody_logs_in_to_grafana() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert environment["GF_AUTH_BASIC_ENABLED"] == "false"
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"


# What Debian calls the image's entry point, the volume's folder within, and the user that the image has.
OBSERVERS = {
    "prometheus": ("prometheus", "/prometheus"),
    "alertmanager": ("prometheus-alertmanager", "/alertmanager"),
}
NOBODY = 65534


@pytest.mark.parametrize("name", OBSERVERS)
async def test_it_comes_up_with_its_command_and_files(name: str, tmp_path: Path) -> None:
    need_prometheus()
    need_alertmanager()
    container.need()
    service = SERVICES[name]
    program, kept = OBSERVERS[name]
    root = Container(tmp_path / "root", {})
    root.user = f"{NOBODY}:{NOBODY}"
    kept_outside = tmp_path / "kept"
    kept_outside.mkdir()
    os.chown(kept_outside, NOBODY, NOBODY)
    volumes = {kept_outside: kept} | compose.binds(service)
    for outside, inside in volumes.items():
        root.make_room(outside, inside)
    assert f"{service['volumes'][-1]}".endswith(f":{kept}")
    port = free_port()
    command = [program, *service["command"], f"--web.listen-address={HOST}:{port}"]
    probe = [re.sub(r"127\.0\.0\.1:\d+", f"{HOST}:{port}", word) for word in service["healthcheck"]["test"]]
    async with Contained(*root.argv(command, read_only=True, volumes=volumes), environ=root.environ) as it:

        async def well() -> bool:
            argv = root.argv(probe[1:], read_only=True)
            async with Contained(*argv, environ=root.environ) as probing:
                return await probing.ends() == 0

        async with asyncio.timeout(30):
            while not await well():
                pass
        assert await it.terminate() == 0, it.output


@pytest.mark.kafka
async def test_kafka_takes_its_environment() -> None:
    need_kafka()
    # As the image does it: KAFKA_LOG_DIRS is log.dirs. Where it listens and keeps its log is the test's own.
    environment = SERVICES["kafka"]["environment"]
    given = {
        key.removeprefix("KAFKA_").lower().replace("_", "."): value
        for key, value in environment.items()
        if key != "KAFKA_HEAP_OPTS"
    }
    own = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}
    properties = {name: value for name, value in given.items() if name not in own}
    with Broker(kind="kafka", extras=Extras(properties=properties)) as broker:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
        await admin.start()
        try:
            (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1")])
        finally:
            await admin.close()
    known = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert given.keys() <= known.keys()
    assert {name: known[name] for name in properties} == properties
