"""Every query of every panel, asked of a real Prometheus that scrapes workers: it has data, and the true."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.deploy.boards import asked, choices
from tests.deploy.prometheus import need_prometheus
from tests.deploy.truth import PARTITIONS, midnight_ms, today
from tests.deploy.watching import SHOP, UNKEYED, Shown, Watched, legend, watching

ONLY_UNKEYED = ("footfall_rekeyed_lag_records", "footfall_waiting_records")
"""What only a worker with `input.keyed = false` has."""


@pytest.fixture(scope="module")
def watched(tansu: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    need_prometheus()
    with watching(tansu, tmp_path_factory.mktemp("watched")) as found:
        yield found


def test_every_query_has_data_with_the_labels_that_its_legend_names(watched: Watched) -> None:
    without = []
    for query in asked():
        job = UNKEYED if any(name in query.expr for name in ONLY_UNKEYED) else SHOP
        if query.instant:
            found = [(labels, [value]) for labels, value in watched.now(query, job=job)]
        else:
            drawn = watched.over_time(query, job=job)
            found = [(labels, [value for _, value in values]) for labels, values in drawn]
        if not any(math.isfinite(value) for _, values in found for value in values):
            without.append(f"{query.name}: {query.expr}")
        for labels, _ in found:
            assert legend(query, labels) or not query.legend, query.name
    assert not without, "\n".join(without)


def test_variables_offer_what_there_is(watched: Watched) -> None:
    offered: dict[str, set[str]] = {}
    for _, variable in choices():
        text = variable["query"]["query"].replace("$job", SHOP)
        metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", text).groups()  # type: ignore[union-attr]
        path = f"/api/v1/label/{label}/values"
        values = watched.prometheus.get(path, {"match[]": metric})["data"]
        if regex := variable.get("regex", "").strip("/"):
            values = [match[1] for value in values if (match := re.search(regex, value))]
        offered.setdefault(variable["name"], set()).update(values)
    assert offered.keys() == {"job", "series", "dimension"}
    assert offered["job"] == {SHOP, UNKEYED}
    # Those of earlier windows, too: what the panels can show of the chosen time.
    assert offered["series"] >= watched.truth.windows.keys()
    assert offered["dimension"] == {"channel", "campaign", "tier"}


def check(watched: Watched, board: str, expected: Mapping[str, Mapping[str, float]]) -> None:
    """Panels by title show what is expected by legend, to 1 %, and nothing else but zeros."""
    for title, values in expected.items():
        queries = [query for query in asked() if (query.board, query.panel) == (board, title)]
        assert queries, title
        found: Shown = {}
        for query in queries:
            found |= watched.total(query)
        wanted = {**dict.fromkeys(found, 0.0), **values}
        assert found == pytest.approx(wanted, rel=0.01), f"{board}: {title}"


def test_live_is_true(watched: Watched) -> None:
    true = watched.truth
    reasons: Counter[str] = Counter()
    for (_, reason), count in true.transitions.items():
        reasons[reason] += count
    active = {
        days: {kind: true.active[kind, days] for kind in ("registered", "visitor")}
        for days in ("1", "7", "30")
    }
    check(
        watched,
        "live",
        {
            "There now": {"people there now": true.open_visits},
            "Active today": active["1"],
            "Active in 7 days": active["7"],
            "Active in 30 days": active["30"],
            "Events per minute": {"events": true.events["applied"]},
            "Events and visits per minute": {"events": true.events["applied"], "visits": true.visits},
            "Key events per minute": true.key_events,
            "Transitions per minute": reasons,
            "Transitions in the last hour": reasons,
            "People by state": true.states,
            "Incidents open": {"incidents": 1},
            # Of the window under way there is only what moves the watermarks: an event a partition.
            "People": {"people": PARTITIONS},
            "Engaged people": {"engaged_people": 0},
            "Events": {"events": PARTITIONS},
            "Visits begun": {"visits": PARTITIONS},
            "Volume": {"volume": 0},
            "Index": {"index_ratio": 0},
        },
    )


def test_lifecycle_is_true(watched: Watched) -> None:
    true, day = watched.truth, watched.truth.day
    of_kind = {
        kind: {reason: count for (each, reason), count in true.transitions.items() if each == kind}
        for kind in ("lifecycle", "tier")
    }
    into, out_of = ("activated", "reactivated", "resurrected"), ("lapsed", "deleted")
    gained = {name: count for name, count in day["sources"].items() if name in into}
    balance = {name: of_kind["lifecycle"].get(name, 0) for name in into}
    balance |= {name: -of_kind["lifecycle"].get(name, 0) for name in out_of}
    check(
        watched,
        "lifecycle",
        {
            "People by state": true.states,
            "Registered persons by tier": true.tiers,
            "Active people": {f"{days} d": true.active["registered", days] for days in ("1", "7", "30")},
            "Becoming active and ceasing, per minute": {k: n for k, n in balance.items() if n},
            "Sources and losses of a day": gained | {k: -n for k, n in day["losses"].items()},
            "Tiers per minute": of_kind["tier"],
            "Day's balance": {"balance": sum(gained.values()) - sum(day["losses"].values())},
            "Retained": {"retained": day["sources"]["retained"]},
            "Registrations": {"registrations": day["registrations"]},
            "Churned": {"churned_people": day["churned"]},
            "Pseudo-active": {"pseudo_active_people": day["pseudo_active"]},
            "Retention and activity": {"retention": day["retention"], "activity": day["activity"]},
            "New users and churn": {"new users": day["new_user_ratio"], "churn": day["churn_rate"]},
            "Goals": {"active.days_30": day["active"]["days_30"] / 100},
            "Reported day": {"day": midnight_ms(today() - timedelta(days=1))},
            "Bounces": {"bounces": day["traffic"]["bounce_rate"]},
            "Active people at the end of a day": {
                f"{days} d": day["active"][f"days_{days}"] for days in ("1", "7", "30")
            },
            "Visits and page views of a day": {
                "visits": day["traffic"]["visits"],
                "page views": day["traffic"]["pageviews"],
            },
            "People at the end of a day": {**day["people_by_state"], "prospect": true.prospects_of_day},
            "Tiers at the end of a day": day["people_by_tier"],
        },
    )
    # More than ten reasons: the ten most frequent.
    reasons = dict(Counter(of_kind["lifecycle"]).most_common(10))
    check(watched, "lifecycle", {"All lifecycle transitions per minute": reasons})


def test_engagement_of_every_series_is_true(watched: Watched) -> None:
    bands = {"Index: $series": "index", "People: $series": "people", "Volume: $series": "volume"}
    for name, window in watched.truth.windows.items():
        for query in asked():
            if query.panel in bands and query.legend == "value":
                shown = watched.total(query, series=name)
                assert shown == pytest.approx({"value": window[bands[query.panel]]}, rel=0.01), name
    total = watched.truth.windows["total"]
    check(
        watched,
        "engagement",
        {
            "Events and visits": {"events": total["events"], "visits": total["visits"]},
            "Engaged people": {"people": total["people"], "engaged": total["engaged"]},
            "Volume by key event": _of(watched, "key:", "volume"),
            "People by key event": _of(watched, "key:", "people"),
            "People by $dimension": _of(watched, "channel:", "people"),
            "Volume by $dimension": _of(watched, "channel:", "volume"),
            "Index by $dimension": _of(watched, "channel:", "index"),
        },
    )


def _of(watched: Watched, prefix: str, measure: str) -> dict[str, Any]:
    windows = watched.truth.windows
    return {name: windows[name][measure] for name in windows if name.startswith(prefix)}


def test_what_the_simulator_planted_is_the_volume_that_is_shown(watched: Watched) -> None:
    """The viral afternoon is the last window, and the simulator has counted what it made of it."""
    assert watched.viral["total"] > 100
    [query] = (query for query in asked() if query.panel == "Volume: $series" and query.legend == "value")
    for series, volume in watched.viral.items():
        shown = watched.total(query, series=series)
        assert shown == pytest.approx({"value": volume}, rel=0.01), series


def test_the_viral_afternoon_is_in_the_table_with_its_sentence_and_owner(watched: Watched) -> None:
    for query in asked():
        if query.panel == "Open incidents":
            [(labels, value)] = watched.now(query)
            assert value == 1
            assert (labels["series"], labels["direction"], labels["severity"]) == ("total", "spike", "page")
            assert labels["owner"] == "shop@example.com"
            assert labels["sentence"].startswith("Engagement volume rose to ")
            assert labels["causes"].startswith("channel:social ")


def test_what_was_put_aside_is_true(watched: Watched) -> None:
    true = watched.truth
    read = sum(true.events.values())
    check(
        watched,
        "operations",
        {
            "Records, by where they went": true.events,
            "Dead letters, by reason": true.dead_letters,
            "Dead letters": {"dead letters": true.events["dead_letter"] / read},
            "Late and duplicate": {
                "late": true.events["late"] / read,
                "duplicate": true.events["duplicate"] / read,
                "late for window": true.late_for_window / read,
            },
            "Workers": {"workers": 2},
            "Workers not ready": {"not ready": 0},
            "Partitions owned": {"partitions": PARTITIONS},
        },
    )
