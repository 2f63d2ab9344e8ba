"""The alert rules: valid, each with a case in which it fires and one in which not, and with its runbook."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.metrics import Metrics, reference
from tests.deploy.prometheus import need_prometheus

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULE_FILES = sorted(PROMETHEUS.glob("rules/*.yml"))
CASES = sorted(Path(__file__).with_name("rules").glob("*.yml"))


def promtool(*arguments: str | Path) -> None:
    need_prometheus()
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    return [
        rule
        for path in RULE_FILES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


@cache
def cases() -> list[dict[str, Any]]:
    return [
        case
        for path in CASES
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test.get("alert_rule_test", [])
    ]


def exposed() -> set[str]:
    """Names of all series that a worker can have; none in the rules is a histogram's."""
    of_process = {
        family.name for family in Metrics().registry.collect() if family.name.startswith("process_")
    }
    return set(re.findall(r"^\| `(footfall_\w+)`", reference(), re.MULTILINE)) | of_process


def test_prometheus_takes_the_configuration() -> None:
    promtool("check", "config", "--lint=all", "--lint-fatal", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path: Path) -> None:
    promtool("test", "rules", path)


@pytest.mark.parametrize("alert", [rule["alert"] for rule in alerts()])
def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert: str) -> None:
    expected = [bool(case["exp_alerts"]) for case in cases() if case["alertname"] == alert]
    assert set(expected) == {True, False}


def test_what_rules_ask_for_is_there() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    told = [text for rule in alerts() for text in rule["annotations"].values()]
    texts = [rule["expr"] for rule in rules()] + told
    asked = {
        name
        for text in texts
        for name in re.findall(r"(?:\b[a-z_]+:)?\b(?:footfall|process)_[a-z_0-9]+(?::[a-z_0-9]+)?", text)
    }
    assert len(asked) > 20
    assert asked - recorded - exposed() == set()


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_each_alert_says_how_grave_it_is_whose_and_what_to_do(rule: dict[str, Any]) -> None:
    alert = rule["alert"]
    if not alert.startswith("FootfallEngagement"):  # theirs are the incident's
        assert rule["labels"].keys() == {"severity", "owner"}
        assert rule["labels"]["severity"] in ("page", "ticket")
    assert {"summary", "description", "dashboard_url", "runbook_url"} <= rule["annotations"].keys()
    assert rule["annotations"]["runbook_url"].endswith(f"/runbook.md#{alert.lower()}")
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    assert f"\n## {alert}\n" in runbook
