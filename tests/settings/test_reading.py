"""Reading a file and the environment: what comes out, and how each wrong value is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.core.definition import (
    DAY,
    HOUR,
    SHOP,
    Condition,
    Definition,
    Detection,
    Engagement,
    Goal,
    KeyEvent,
    Promotion,
    TierRule,
    Void,
)
from stream.settings import Settings, SettingsError, describe, load, preset, remarks
from stream.settings.catalog import PRESETS
from tests.settings.conftest import Load, Refuse

NOV_11_SHANGHAI = 1_731_254_400_000
OCT_27_BERLIN = 1_729_980_000_000


def test_defaults_run_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {})
    assert settings == Settings()
    assert settings.definition == Definition()
    assert settings.definition.hash() == Definition().hash()


def test_footfall_toml_in_the_working_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "footfall.toml").write_text('prefix = "ours"')
    assert load(None, {}).output_topic("dead-letters") == "ours.dead-letters"


def test_every_key_reaches_the_settings(load_text: Load) -> None:
    settings = load_text("""
        timezone = "Asia/Shanghai"
        broker = "a:1, b:2"
        prefix = "p"
        group = "g"
        allowed_lateness = "5m"
        max_future = 60
        idle_after = "10s"
        live_within = "1m"
        passive_mediums = ["push"]
        ignore_events = ["Email *"]
        deletion_events = ["Gone"]
        tiers = { low = 2, medium = 3, high = 4 }
        active_days = 7
        prospect_days = 8
        new_days = 9
        churn_days = 10
        hibernate_days = 11
        known_before = 2024-05-01
        phase_days = 3
        commit_interval = "1s"
        guarantee = "at_least_once"
        data_dir = "/var/lib/footfall"
        input = { topic = "t", key = "context.groupId", keyed = false }
        visit = { gap = "15m", max = "12h" }
        aliases = { order_paid = "Order Completed" }
        dead_letters.max_ratio = 0.1
        web = { host = "0.0.0.0", port = 80 }
        topics = { partitions = 3, replication = 2, retention = "1d" }
        engagement = { window = "5m", lateness = "1m", dimensions = ["channel"], max_values = 7 }
        detection = { sensitivity = 0.99, min_volume = 5, warm_up = "2d", resolve_after = 3, cooldown = "1h" }
        log = { level = "debug", format = "json" }
        [[key_event]]
        name = "Order Completed"
        weight = 5.0
        where.properties.total = "> 0"
        value = "properties.total"
        void.event = "Order Cancelled"
        owner = "shop@example.com"
        [[tier_rule]]
        tier = "high"
        event = "Order Completed"
        count = 3
        days = 90
        [[campaign]]
        name = "sale"
        from = 2024-11-11
        to = "2024-11-12T00:00:00+08:00"
        where = ["context.campaign.name = sale"]
        [[goal]]
        metric = "active.days_30"
        target = 1000.0
        date = 2025-01-01
    """)
    sale = (Condition("context.campaign.name", "=", "sale"),)
    assert settings.definition == Definition(
        timezone="Asia/Shanghai",
        aliases={"order_paid": "Order Completed"},
        ignore_events=("Email *",),
        allowed_lateness_ms=300_000,
        max_future_ms=60_000,
        visit_gap_ms=900_000,
        visit_max_ms=43_200_000,
        passive_mediums=("push",),
        key_events=(
            KeyEvent(
                "Order Completed",
                5,
                where=(Condition("properties.total", ">", 0),),
                value="properties.total",
                void=(Void("Order Cancelled"),),
                owner="shop@example.com",
            ),
        ),
        tiers={"low": 2, "medium": 3, "high": 4},
        tier_rules=(TierRule("high", "Order Completed", 3, 90),),
        active_days=7,
        prospect_days=8,
        new_days=9,
        churn_days=10,
        hibernate_days=11,
        known_before="2024-05-01",
        deletion_events=("Gone",),
        keyed=False,
        input_key="context.groupId",
        engagement=Engagement(
            window_ms=300_000,
            lateness_ms=60_000,
            dimensions=("channel",),
            max_values=7,
            promotions=(
                Promotion(name="sale", start_ms=NOV_11_SHANGHAI, end_ms=NOV_11_SHANGHAI + DAY, where=sale),
            ),
            phase_days=3,
            goals=(Goal("active.days_30", 1_000, "2025-01-01"),),
        ),
        detection=Detection(
            sensitivity=0.99, min_volume=5, warm_up_days=2, resolve_after=3, cooldown_ms=3_600_000
        ),
    )
    assert (settings.broker, settings.prefix, settings.group) == ("a:1,b:2", "p", "g")
    assert (settings.input.topic, settings.input.key, settings.input.keyed) == ("t", "context.groupId", False)
    assert (settings.idle_after_ms, settings.live_within_ms) == (10_000, 60_000)
    assert (settings.commit_interval_ms, settings.guarantee) == (1_000, "at_least_once")
    assert settings.dead_letters.max_ratio == 0.1
    assert (settings.web.host, settings.web.port) == ("0.0.0.0", 80)
    topics = settings.topics
    assert (topics.partitions, topics.replication, topics.retention_ms) == (3, 2, 86_400_000)
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert settings.data_dir == Path("/var/lib/footfall")


def test_a_campaign_that_ends_on_a_date_has_all_of_that_day(load_text: Load) -> None:
    document = 'timezone = "Europe/Berlin"\n[[campaign]]\nname = "c"\nfrom = 2024-10-27\nto = 2024-10-27'
    [promotion] = load_text(document).definition.engagement.promotions
    assert promotion.start_ms == OCT_27_BERLIN
    assert promotion.end_ms == OCT_27_BERLIN + 25 * HOUR, "clocks go back on that day"


def test_a_campaign_may_begin_within_the_day_it_ends_on(load_text: Load) -> None:
    document = '[[campaign]]\nname = "c"\nfrom = 2024-11-11T12:00:00.0009Z\nto = 2024-11-11'
    [promotion] = load_text(document).definition.engagement.promotions
    assert promotion.start_ms == NOV_11_SHANGHAI + 20 * HOUR
    assert promotion.end_ms == NOV_11_SHANGHAI + 32 * HOUR


def test_what_windows_are_is_no_part_of_what_visits_are(load_text: Load) -> None:
    plain = load_text().definition
    for document in ('engagement.window = "5m"', "detection.min_volume = 50"):
        changed = load_text(document).definition
        assert changed.hash() == plain.hash()
        assert changed.engagement_hash() != plain.engagement_hash()


def test_equal_settings_have_one_hash_however_they_are_written(load_text: Load) -> None:
    plain = load_text('[[key_event]]\nname = "A"\nweight = 2\nwhere = { a.b = ">= 5" }')
    other = load_text('visit.gap = 1800.0\n[[key_event]]\nname = "A"\nweight = 2.0\nwhere = ["a.b >= 5"]')
    assert plain.definition.hash() == other.definition.hash()


def test_the_environment_wins(load_text: Load) -> None:
    document = 'broker = "file:1"\nknown_before = 2024-05-01\n[input]\nkeyed = false\n[visit]\ngap = "1m"'
    settings = load_text(
        document,
        {
            "FOOTFALL_BROKER": "environment:1",
            "FOOTFALL_INPUT__TOPIC": "events",
            "FOOTFALL_INPUT__KEYED": "true",
            "FOOTFALL_VISIT__GAP": "90",
            "FOOTFALL_TIERS__HIGH": "12",
            "FOOTFALL_DEAD_LETTERS__MAX_RATIO": "0.25",
            "FOOTFALL_TIMEZONE": "Europe/Berlin",
            "FOOTFALL_KNOWN_BEFORE": "",
            "PATH": "/bin",
        },
    )
    assert settings.broker == "environment:1"
    assert (settings.input.topic, settings.input.keyed) == ("events", True)
    assert settings.definition.visit_gap_ms == 90_000
    assert settings.definition.tiers["high"] == 12
    assert settings.dead_letters.max_ratio == 0.25
    assert settings.definition.timezone == "Europe/Berlin"
    assert settings.definition.known_before is None


def test_every_scalar_key_is_a_variable(load_text: Load) -> None:
    for setting in describe():
        if setting.variable is None:
            assert setting.key.startswith("[[") or setting.default[0] in "[{", setting.key
        else:
            written = setting.default.strip('"')
            assert load_text("", {setting.variable: written}) == Settings(), setting.key


def test_the_tests_own_variables_are_passed_over(load_text: Load) -> None:
    assert load_text("", {"FOOTFALL_REQUIRE_ALL": "1", "FOOTFALL_TEST_BROKER": "x"}) == Settings()


@pytest.mark.parametrize(
    ("environ", "key", "takes"),
    [
        ({"FOOTFALL_BROKR": "a:1"}, "FOOTFALL_BROKR", 'did you mean "FOOTFALL_BROKER"?'),
        ({"FOOTFALL_INPUT_TOPIC": "t"}, "FOOTFALL_INPUT_TOPIC", 'did you mean "FOOTFALL_INPUT__TOPIC"?'),
        ({"FOOTFALL_KEY_EVENT": "A"}, "FOOTFALL_KEY_EVENT", "key_event is not a single value"),
        ({"FOOTFALL_ALIASES": "a"}, "FOOTFALL_ALIASES", "aliases is not a single value"),
        ({"FOOTFALL_WEB__PORT": "http"}, "web.port", "a whole number from 0 to 65,535"),
        ({"FOOTFALL_TIERS__LOW": "1.0"}, "tiers.low", "a whole number"),
        ({"FOOTFALL_INPUT__KEYED": "yes"}, "input.keyed", "true or false"),
        ({"FOOTFALL_BROKER": ""}, "broker", "host:port"),
        ({"FOOTFALL_DATA_DIR": "\udcff"}, "data_dir", "the path of a directory"),
        ({"FOOTFALL_GROUP": "gr\u00fcppe"}, "group", "a Kafka name"),
        ({"FOOTFALL_SERVICE_HOST": "10.0.0.7"}, "FOOTFALL_SERVICE_HOST", "enableServiceLinks: false"),
        ({"FOOTFALL_SERVICE_PORT_HTTP": "80"}, "FOOTFALL_SERVICE_PORT_HTTP", "enableServiceLinks: false"),
        ({"FOOTFALL_PORT_6066_TCP_ADDR": "a"}, "FOOTFALL_PORT_6066_TCP_ADDR", "enableServiceLinks: false"),
        ({"FOOTFALL_TIME_ZONE": "UTC", "FOOTFALL_TIMEZONE": "UTC"}, "FOOTFALL_TIME_ZONE", "nothing beside"),
    ],
)
def test_wrong_variables_are_answered(refused: Refuse, environ: dict[str, str], key: str, takes: str) -> None:
    problems = refused("", environ)
    named = [problem for problem in problems if takes in problem.takes]
    assert len(problems) == 1
    assert named
    assert key in (named[0].key, next(iter(environ)))
    assert named[0].place in ("environment", next(iter(environ)))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_load(load_text: Load, name: str) -> None:
    settings = load_text(f'preset = "{name}"')
    key_events = settings.definition.key_events
    assert key_events == preset(name)
    assert key_events
    names = {entry.name for entry in key_events}
    assert not names & {"Page Viewed", "Screen Viewed", "Identified", "Signed Up", "Product Viewed"}
    assert remarks(settings) == []


def test_shop_is_the_default_and_as_the_core_has_it(load_text: Load) -> None:
    assert load_text().definition.key_events == preset("shop") == SHOP


def test_portal_takes_five_pages_or_five_minutes() -> None:
    asked = [entry.where for entry in preset("portal") if entry.name == "@visit"]
    assert asked == [(Condition("pages", ">=", 5),), (Condition("duration_s", ">=", 300),)]


def test_one_key_event_replaces_the_whole_preset(load_text: Load) -> None:
    settings = load_text('preset = "forum"\n[[key_event]]\nname = "Poll Answered"')
    assert settings.definition.key_events == (KeyEvent("Poll Answered"),)


def test_the_examples_load(load_text: Load, examples: dict[str, str]) -> None:
    assert examples.keys() >= {"footfall", "portal", "learning"}
    for document in examples.values():
        assert remarks(load_text(document)) == []


def test_time_zone_is_timezone(load_text: Load, refused: Refuse) -> None:
    assert load_text('time_zone = "Asia/Tokyo"').definition.timezone == "Asia/Tokyo"
    [problem] = refused('time_zone = "Asia/Tokyo"\ntimezone = "UTC"')
    assert (problem.key, problem.takes) == ("timezone", "nothing beside timezone, which is the same setting")


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.toml"):
        with pytest.raises(SettingsError) as caught:
            load(path, {})
        assert caught.value.problems[0].key == str(path)
        assert caught.value.problems[0].takes == "a TOML file that can be read"
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"broker = '\xff'")
    with pytest.raises(SettingsError, match="UTF-8"):
        load(binary, {})


def test_what_is_no_toml_is_shown(refused: Refuse) -> None:
    [problem] = refused('broker = "a:1"\ngap = 30m\n')
    assert problem.place == "line 2"
    assert problem.got.startswith('"gap = 30m": Expected newline')
    [problem] = refused("a = " + "[" * 10_000)
    assert "valid TOML" in problem.takes


def test_a_byte_order_mark_is_no_problem(load_text: Load) -> None:
    assert load_text('\ufeffbroker = "a:1"').broker == "a:1"


def test_all_problems_are_told_at_once_in_the_order_of_the_file(refused: Refuse) -> None:
    problems = refused('vist.gap = 1\n[tiers]\nlow = 0\n[visit]\ngap = "half"\n', {"FOOTFALL_X": "1"})
    assert [problem.key for problem in problems] == ["vist", "tiers.low", "visit.gap", "FOOTFALL_X"]
    assert [str(problem.place).rpartition(":")[2] for problem in problems] == ["1", "3", "5", "environment"]
    assert str(SettingsError(problems)).startswith("4 problems in the configuration:\n  vist (")


def test_remarks_name_what_cannot_be_meant(load_text: Load) -> None:
    settings = load_text("""
        ignore_events = ["Push *"]
        visit = { gap = "24h", max = "1h" }
        aliases = { a = "b", b = "c", paid = "Paid" }
        [[key_event]]
        name = "paid"
        where = { total = "> 5", propertys.x = 1 }
        [[key_event]]
        name = "Push Opened"
        [[key_event]]
        name = "@visit"
        [[campaign]]
        name = "sale"
        where = { "campaign.name" = "sale" }
        [engagement]
        window = "7s"
        lateness = "11m"
        dimensions = ["tier", "country"]
    """)
    assert remarks(settings) == [
        'aliases: "a" stands for "b", an alias itself; names are mapped only once',
        'key_event "paid" never occurs: aliases maps that name to "Paid"',
        'key_event "paid": "total" is no Segment field; "properties.total" is probably meant',
        'key_event "paid": "propertys.x" is no Segment field; "properties.x" is probably meant',
        'key_event "Push Opened" never occurs: ignore_events has "Push *"',
        "key_event @visit has no where: every visit is engaged",
        'campaign "sale": "campaign.name" is no Segment field; "properties.campaign.name" is probably meant',
        'engagement.dimensions: "country" is no Segment field; "properties.country" is probably meant',
        "engagement.window does not divide a day: no two days have the same windows to compare",
        "engagement.lateness is more than allowed_lateness, beyond which an event is late anyway: "
        "windows wait for nothing",
        "visit.gap is not less than visit.max: only visit.max ends visits",
    ]
