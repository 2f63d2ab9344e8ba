"""Alertmanager's configuration: valid, each alert to those it is for, in words that can be read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.prometheus import need_alertmanager
from tests.deploy.test_rules import alerts

FOLDER = Path(__file__).parents[2] / "deploy" / "alertmanager"
CONFIG = FOLDER / "alertmanager.yml"
SEVERITIES = {rule["alert"]: rule.get("labels", {}).get("severity", "page") for rule in alerts()}


def amtool(*arguments: str | Path) -> str:
    need_alertmanager()
    done = subprocess.run(["amtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return loaded


def test_alertmanager_takes_the_configuration() -> None:
    assert "10 receivers" in amtool("check-config", CONFIG)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"owner": "payments", "severity": "page"}, "payments-page"),
        ({"owner": "payments", "severity": "ticket"}, "payments-ticket"),
        ({"owner": "catalog", "severity": "page"}, "catalog-page"),
        ({"owner": "footfall", "severity": "page"}, "footfall-page"),
        ({"owner": "footfall", "severity": "ticket"}, "footfall-ticket"),
        # Nobody's, and those of an owner without a route of its own.
        ({"severity": "page"}, "oncall-page"),
        ({"owner": "growth", "severity": "page"}, "oncall-page"),
        ({"owner": "growth", "severity": "ticket"}, "oncall-ticket"),
        # An address is written to; a page wakes somebody all the same.
        ({"owner": "anna@example.com", "severity": "ticket"}, "owner-mail,nobody"),
        ({"owner": "anna@example.com", "severity": "page"}, "owner-mail,oncall-page"),
    ],
)
def test_an_alert_goes_to_its_owner(labels: dict[str, str], receivers: str) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    amtool("config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receivers}", *pairs)


def named(matchers: list[str]) -> set[str]:
    """The alerts that a rule of inhibition names, all of which there must be."""
    text = next(matcher for matcher in matchers if matcher.startswith("alertname"))
    pattern = re.split("=~?", text, maxsplit=1)[1].strip('"')
    found = {alert for alert in SEVERITIES if re.fullmatch(pattern, alert)}
    assert len(found) == pattern.count("|") + 1, f"{text} names an alert that there is not"
    return found


@pytest.mark.parametrize("rule", config()["inhibit_rules"])
def test_no_page_is_held_back_by_less_than_a_page(rule: dict[str, Any]) -> None:
    sources, targets = named(rule["source_matchers"]), named(rule["target_matchers"])
    assert "job" in rule["equal"]
    if 'severity="ticket"' not in rule["target_matchers"] and any(SEVERITIES[t] == "page" for t in targets):
        assert {SEVERITIES[source] for source in sources} == {"page"}


def test_no_secret_is_in_the_configuration() -> None:
    """Keys that hold one are refused; those that name a file with one are how it is done."""
    keys = set(re.findall(r"^\s*(?:- )?([a-z_]+):", CONFIG.read_text(), re.MULTILINE))
    secret = re.compile("password|credentials|token|api_url|_key|secret")
    assert {key for key in keys if secret.search(key) and not key.endswith("_file")} == set()


FIRING = {
    "labels": {"severity": "page", "owner": "payments", "incident": "total@1", "job": "footfall"},
    "annotations": {
        "summary": "Engagement volume dropped.",
        "description": "Since 03:12. Comes from: key:Order Completed 83 %.",
        "incident_url": "https://footfall.example.com/#incident=total%401",
        "dashboard_url": "https://grafana.example.com/d/footfall-engagement?var-series=total",
        "runbook_url": "https://docs.example.com/runbook.md#footfallengagementdrop",
    },
}
TEXT = """\
Since 03:12. Comes from: key:Order Completed 83 %.
Owner: payments
Incident: https://footfall.example.com/#incident=total%401
Panels: https://grafana.example.com/d/footfall-engagement?var-series=total
What to do: https://docs.example.com/runbook.md#footfallengagementdrop
Seen to: footfall incidents ack "total@1\""""


@pytest.mark.parametrize(
    ("template", "status", "alerts", "text"),
    [
        ("title", "firing", [FIRING], "Look now: Engagement volume dropped."),
        ("title", "resolved", [FIRING], "Over: Engagement volume dropped."),
        ("title", "firing", [FIRING, FIRING], "Look now: Engagement volume dropped. (one of 2)"),
        ("color", "firing", [FIRING], "danger"),
        ("color", "resolved", [FIRING], "good"),
        ("link", "firing", [FIRING], FIRING["annotations"]["incident_url"]),
        ("text", "firing", [FIRING], TEXT),
        ("text", "resolved", [FIRING], TEXT.rpartition("\n")[0]),
    ],
)
def test_notifications_say(
    tmp_path: Path, template: str, status: str, alerts: list[dict[str, Any]], text: str
) -> None:
    data = tmp_path / "data.json"
    told = [{"status": status} | alert for alert in alerts]
    data.write_text(
        json.dumps({"status": status, "alerts": told, "commonLabels": alerts[0]["labels"], "groupLabels": {}})
    )
    assert text == amtool(
        "template",
        "render",
        f"--template.glob={FOLDER}/templates/*.tmpl",
        f'--template.text={{{{ template "footfall.{template}" . }}}}',
        f"--template.data={data}",
    ).removesuffix("\n")
