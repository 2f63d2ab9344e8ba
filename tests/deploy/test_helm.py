"""The Helm chart: by the API schemas of Kubernetes and of the operators, and by what a worker needs."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from aiohttp import web

from stream.agents.topics import rekeyed_topic
from stream.engine.run import STOP_WITHIN_S
from stream.settings import Settings, load
from stream.web.health import HealthPages
from tests.deploy import chart, dockerfile, tools
from tests.deploy.chart import CHART, HELM, NAMESPACE, RELEASE, Object, Refused, one, render

PRODUCTION, SMALL = HELM / "values-production.yaml", HELM / "values-small.yaml"
EXAMPLES: dict[str, tuple[Path, ...]] = {"defaults": (), "small": (SMALL,), "production": (PRODUCTION,)}
# The oldest that the chart takes, one between, and the newest whose schemas there are.
KUBERNETES = ("1.27", "1.32", kubernetes_validate.latest_version())
MIB = 1024 * 1024

every_example = pytest.mark.parametrize("files", EXAMPLES.values(), ids=EXAMPLES)


def worker(objects: list[Object]) -> Object:
    (found,) = one(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    return found


def pods(objects: list[Object]) -> Iterable[Object]:
    """The pod templates of the chart."""
    return (o["spec"]["template"] for o in objects if o["kind"] in ("StatefulSet", "Job"))


def settings_of(objects: list[Object], container: Object, folder: Path) -> Settings:
    """What the container's environment and its configuration come to."""
    file = folder / "footfall.toml"
    file.write_text(one(objects, "ConfigMap", "-footfall")["data"]["footfall.toml"])
    environ = chart.environment(container, f"{RELEASE}-footfall-0")
    return load(file, {name: value for name, value in environ.items() if name.startswith("FOOTFALL_")})


@every_example
def test_helm_has_nothing_against_it(files: tuple[Path, ...]) -> None:
    values = [argument for file in files for argument in ("--values", str(file))]
    assert "0 chart(s) failed" in chart.helm("lint", "--strict", str(CHART), *values)


@every_example
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_it(files: tuple[Path, ...], version: str) -> None:
    objects = render(*files, kubernetes=version)
    assert {"StatefulSet", "Service", "ConfigMap", "Job"} <= {o["kind"] for o in objects}
    for found in objects:
        if "." not in found["apiVersion"].partition("/")[0] or ".k8s.io/" in found["apiVersion"]:
            kubernetes_validate.validate(found, version, strict=True)


def test_a_wrong_field_would_be_seen() -> None:
    found = one(render(), "StatefulSet")
    found["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(found, KUBERNETES[-1], strict=True)


# Prints the objects as they were read: what the schema does not know is passed over, and so missing.
READ = """
import json, sys
from cloudcoil.models.keda.v1alpha1 import ScaledObject
from cloudcoil.models.prometheus_operator.v1 import PrometheusRule, ServiceMonitor
kinds = {kind.__name__: kind for kind in (ScaledObject, PrometheusRule, ServiceMonitor)}
read = [kinds[found["kind"]].model_validate(found) for found in json.load(sys.stdin)]
json.dump([found.model_dump(by_alias=True, exclude_unset=True, mode="json") for found in read], sys.stdout)
"""


def as_operators_read(objects: list[Object]) -> list[Object]:
    """The objects, less what the operators' schemas do not know. Fails where these refuse one."""
    command = [tools.need("operators"), "-c", READ]
    done = subprocess.run(command, input=json.dumps(objects), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read: list[Object] = json.loads(done.stdout)
    return read


def test_the_operators_take_it() -> None:
    kinds = ("ScaledObject", "ServiceMonitor", "PrometheusRule")
    objects = [found for found in render(PRODUCTION) if found["kind"] in kinds]
    assert len(objects) == len(kinds)
    wrong = deepcopy(objects[0])
    wrong["spec"]["wrong"] = True
    *read, without = as_operators_read([*objects, wrong])
    assert read == objects
    assert without == objects[0]  # so that a wrong field would be seen


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replicas": 9}, "at most partitions, 8"),
        ({"replica": 3}, "replica"),
        ({"partitions": "8"}, "partitions"),
        ({"broker": "kafka"}, "broker"),
        ({"terminationGracePeriodSeconds": 10}, "terminationGracePeriodSeconds"),
        ({"config": 'broker = "elsewhere:9092"'}, "config sets broker"),
        ({"config": '[visit]\ngap = "1h"\n[other]\n  data_dir= "/x"'}, "config sets data_dir"),
    ],
)
def test_values_that_can_not_work_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        render(values=values)


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(Refused, match="kubeVersion"):
        render(kubernetes="1.26")


@every_example
def test_the_worker_understands_its_configuration(files: tuple[Path, ...], tmp_path: Path) -> None:
    objects = render(*files)
    container = worker(objects)
    settings = settings_of(objects, container, tmp_path)
    assert settings.web.host == "0.0.0.0"
    headless = one(objects, "Service", "-workers")["metadata"]["name"]
    assert settings.web.advertise == f"http://{RELEASE}-footfall-0.{headless}.{NAMESPACE}.svc:6066"
    assert {port["containerPort"] for port in container["ports"]} == {settings.web.port}
    # `topics create` has the same names, and the same file.
    (job,) = one(objects, "Job")["spec"]["template"]["spec"]["containers"]
    for_topics = settings_of(objects, job, tmp_path)
    assert (for_topics.broker, for_topics.group) == (settings.broker, settings.group)
    assert (for_topics.input, for_topics.topics) == (settings.input, settings.topics)
    assert for_topics.security == settings.security
    maps = [o["data"]["footfall.toml"] for o in objects if "footfall.toml" in o.get("data", {})]
    assert len(maps) == 2
    assert maps[0] == maps[1]


SECRETS = {
    "SCRAM over TLS": (
        'security = { protocol = "sasl_ssl", username = "footfall" }',
        {"password": {"secret": "scram"}, "tls": {"secret": "tls"}},
        {"PASSWORD_FILE", "CA_FILE"},
    ),
    "mTLS": (
        'security = { protocol = "ssl" }',
        {"tls": {"secret": "tls", "clientCertificate": True}, "keyPassword": {"secret": "key"}},
        {"CA_FILE", "CERTIFICATE_FILE", "KEY_FILE", "KEY_PASSWORD_FILE"},
    ),
    "OAUTHBEARER": (
        'security = { protocol = "sasl_ssl", mechanism = "OAUTHBEARER", client_id = "footfall", '
        'token_url = "https://id.example.com/token" }',
        {"tls": {"secret": "tls"}, "clientSecret": {"secret": "oauth"}},
        {"CLIENT_SECRET_FILE", "CA_FILE"},
    ),
}


@pytest.mark.parametrize(("config", "given", "expected"), SECRETS.values(), ids=SECRETS)
def test_every_secret_is_a_file_that_the_settings_use(
    config: str, given: Object, expected: set[str], tmp_path: Path
) -> None:
    objects = render(values={"config": config, "kafka": given, "web": {"token": {"secret": "web"}}})
    settings_of(objects, worker(objects), tmp_path)  # refuses what is missing, and what is of no use
    for pod, more in (
        (one(objects, "StatefulSet"), {"FOOTFALL_WEB__TOKEN_FILE"}),
        (one(objects, "Job"), set()),
    ):
        spec = pod["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        files = {k: v for k, v in chart.environment(container).items() if k.endswith("_FILE")}
        assert files.keys() == {f"FOOTFALL_SECURITY__{name}" for name in expected} | more
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for path in map(Path, files.values()):
            secret = volumes[mounts[str(path.parent)]]["secret"]
            names = [item["path"] for item in secret.get("items", ())] or ["ca.crt", "tls.crt", "tls.key"]
            assert path.name in names
            assert secret["defaultMode"] == 0o440  # for the group, which is the pod's own


@every_example
def test_no_secret_is_in_the_environment(files: tuple[Path, ...]) -> None:
    for pod in pods(render(*files)):
        (container,) = pod["spec"]["containers"]
        for entry in container["env"]:
            assert not entry["name"].endswith(("PASSWORD", "TOKEN", "SECRET"))
            assert "secretKeyRef" not in entry.get("valueFrom", {})


@every_example
def test_pods_may_little_and_find_what_they_mount(files: tuple[Path, ...]) -> None:
    user, group = map(int, dockerfile.read()[-1].last("USER").text.split(":"))
    objects = render(*files)
    claims = [
        c["metadata"]["name"] for c in one(objects, "StatefulSet")["spec"].get("volumeClaimTemplates", ())
    ]
    for pod in pods(objects):
        spec = pod["spec"]
        # With a Service named footfall there would be FOOTFALL_SERVICE_HOST, which is no setting.
        assert spec["enableServiceLinks"] is False
        assert spec["automountServiceAccountToken"] is False
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (user, group, group)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "limits" in container["resources"]
        there = {volume["name"] for volume in spec["volumes"]} | set(claims)
        assert {mount["name"] for mount in container["volumeMounts"]} <= there


def test_the_worker_finds_its_files_where_the_image_looks(tmp_path: Path) -> None:
    image = dockerfile.read()[-1]
    objects = render()
    container = worker(objects)
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["config"] == f"{image.last('WORKDIR').text}/footfall.toml"
    assert mounts["data"] == image.last("VOLUME").text
    assert str(settings_of(objects, container, tmp_path).data_dir) == mounts["data"]
    labels = image.pairs("LABEL")
    assert container["image"] == f"footfall:{labels['org.opencontainers.image.version']}"


def test_probes_ask_for_pages_that_there_are(tmp_path: Path) -> None:
    container = worker(render())
    pages = web.Application()
    pages.add_routes(HealthPages.routes(HealthPages.__new__(HealthPages)))
    served = {route.resource.canonical for route in pages.router.routes() if route.resource}
    asked = {name: container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")}
    assert asked == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    monitor = one(render(PRODUCTION), "ServiceMonitor")
    assert {*asked.values(), monitor["spec"]["endpoints"][0]["path"]} <= served


def test_a_worker_has_the_time_to_stop() -> None:
    spec = one(render(), "StatefulSet")["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] >= 2 * STOP_WITHIN_S


def test_the_memory_is_what_the_guide_to_sizes_says() -> None:
    resources = worker(render())["resources"]
    # docs/operations.md: 180 MB, and 3.4 KB for each person at hand with an open visit.
    needed_mib = (180e6 + 3.4e3 * Settings().store_hot) / MIB
    assert needed_mib < int(resources["requests"]["memory"].removesuffix("Mi")) < 2 * needed_mib
    assert resources["limits"]["memory"] == "1Gi"
    assert math.ceil(float(resources["requests"]["cpu"])) == 1  # a worker uses one core


def test_a_changed_configuration_is_a_rollout() -> None:
    def checksum(config: str) -> str:
        objects = render(values={"config": config})
        template: Object = one(objects, "StatefulSet")["spec"]["template"]
        found: str = template["metadata"]["annotations"]["checksum/config"]
        return found

    assert checksum('timezone = "UTC"') != checksum('timezone = "Asia/Shanghai"')


@every_example
def test_selectors_find_the_workers_and_nothing_else(files: tuple[Path, ...]) -> None:
    objects = render(*files)
    statefulset = one(objects, "StatefulSet")["spec"]
    labels = statefulset["template"]["metadata"]["labels"].items()
    topics = one(objects, "Job")["spec"]["template"]["metadata"]["labels"].items()
    selectors = [statefulset["selector"]["matchLabels"]]
    selectors += [o["spec"]["selector"] for o in objects if o["kind"] == "Service"]
    selectors += [o["spec"]["selector"]["matchLabels"] for o in objects if o["kind"] == "PodDisruptionBudget"]
    selectors += [o["spec"]["podSelector"]["matchLabels"] for o in objects if o["kind"] == "NetworkPolicy"]
    spread = statefulset["template"]["spec"]["topologySpreadConstraints"]
    selectors += [constraint["labelSelector"]["matchLabels"] for constraint in spread]
    for selector in selectors:
        assert selector.items() <= labels
        assert not selector.items() <= topics
    assert statefulset["serviceName"] == one(objects, "Service", "-workers")["metadata"]["name"]


def test_prometheus_scrapes_each_worker_once_and_knows_the_job() -> None:
    objects = render(PRODUCTION)
    selector = one(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"].items()
    services = [o for o in objects if o["kind"] == "Service"]
    (found,) = (o for o in services if selector <= o["metadata"]["labels"].items())
    assert found["spec"]["clusterIP"] == "None"
    assert found["spec"]["publishNotReadyAddresses"] is True
    # The job is the Service's name; the rules select jobs by it.
    assert "footfall" in found["metadata"]["name"]


def test_rules_and_dashboards_are_those_of_the_repository() -> None:
    objects = render(PRODUCTION)
    groups = [
        group
        for path in sorted((dockerfile.ROOT / "deploy/prometheus/rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
    ]
    assert groups
    assert one(objects, "PrometheusRule")["spec"]["groups"] == groups
    shown = [o["data"] for o in objects if o["metadata"].get("labels", {}).get("grafana_dashboard")]
    dashboards = sorted((dockerfile.ROOT / "deploy/grafana/json").glob("*.json"))
    assert dashboards
    assert shown == [{path.name: path.read_text("utf-8")} for path in dashboards]


def test_a_package_has_all_that_the_chart_has(tmp_path: Path) -> None:
    chart.helm("package", str(CHART), "--destination", str(tmp_path))
    (package,) = tmp_path.iterdir()
    assert render(PRODUCTION, of=package) == render(PRODUCTION)


def test_the_scaling_asks_for_the_lag_that_the_worker_commits(tmp_path: Path) -> None:
    objects = render(PRODUCTION)
    assert "replicas" not in one(objects, "StatefulSet")["spec"]  # an upgrade would undo the scaling
    settings = settings_of(objects, worker(objects), tmp_path)
    spec = one(objects, "ScaledObject")["spec"]
    assert spec["scaleTargetRef"]["name"] == one(objects, "StatefulSet")["metadata"]["name"]
    (trigger,) = spec["triggers"]
    asked = trigger["metadata"]
    assert asked["bootstrapServers"] == settings.broker
    assert asked["consumerGroup"] == settings.group
    assert asked["topic"] == settings.input.topic
    assert trigger["authenticationRef"] == {"name": "footfall-kafka"}
    # Time goes on without events, so somebody must be there.
    assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] == settings.topics.partitions == 24


def test_it_never_scales_to_more_workers_than_partitions() -> None:
    scaling = {"enabled": True, "minReplicas": 4, "maxReplicas": 100}
    spec = one(render(values={"partitions": 3, "autoscaling": scaling}), "ScaledObject")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (3, 3)


def test_the_lag_of_the_internal_topic_counts_as_well(tmp_path: Path) -> None:
    values = {"input": {"keyed": False}, "autoscaling": {"enabled": True}}
    objects = render(values=values)
    settings = settings_of(objects, worker(objects), tmp_path)
    topics = [t["metadata"]["topic"] for t in one(objects, "ScaledObject")["spec"]["triggers"]]
    assert topics == [settings.input.topic, rekeyed_topic(settings)]


def test_a_release_named_after_it_has_no_double_name() -> None:
    assert one(render(release="footfall"), "StatefulSet")["metadata"]["name"] == "footfall"
