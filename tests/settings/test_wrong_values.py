"""Each wrong value is answered with its key, what was found, and what it takes; nothing else ever escapes."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stream.settings import Settings, SettingsError, read
from stream.settings.catalog import SETTINGS
from stream.settings.entries import LISTS
from stream.settings.kinds import HIDDEN
from tests.settings.conftest import Refuse

A = '[[key_event]]\nname = "A"\n'
VISIT = '[[key_event]]\nname = "@visit"\n'
RULE = '[[tier_rule]]\ntier = "low"\nevent = "Order Completed"\ncount = 1\ndays = 1\n'
C = '[[campaign]]\nname = "c"\n'
G = '[[goal]]\nmetric = "active.days_30"\ntarget = 1000\ndate = 2025-01-01\n'

SSL = 'security.protocol = "ssl"\n'
SASL = 'security.protocol = "sasl_ssl"\n'
OAUTH = SASL + 'security.mechanism = "OAUTHBEARER"\n'
TOKEN = OAUTH + 'security.token_url = "https://id.example.com/token"\n'

WRONG = [
    ('broker = "kafka"', "broker", '"kafka"', "host:port"),
    ('broker = "kafka://a:9092"', "broker", '"kafka://a:9092"', "host:port"),
    ('broker = "a:0"', "broker", '"a:0"', "host:port"),
    ("broker = 9092", "broker", "9092", "host:port"),
    ('prefix = "a b"', "prefix", '"a b"', "a Kafka name"),
    ('group = ""', "group", '""', "a Kafka name"),
    ('input.topic = ".."', "input.topic", '".."', "a Kafka name"),
    ('input.topic = "footfall.late"', "input.topic", '"footfall.late"', "a topic that Footfall"),
    ('input.key = "a..b"', "input.key", '"a..b"', "a dotted path"),
    ('input.keyed = "true"', "input.keyed", '"true"', "true or false"),
    ('input = "app-events"', "input", '"app-events"', "a table with topic, key, keyed"),
    ('security.protocol = "tls"', "security.protocol", '"tls"', 'one of "plaintext", "ssl"'),
    ('security.protocol = "SASL_SSL"', "security.protocol", '"SASL_SSL"', 'did you mean "sasl_ssl"?'),
    (f'{SASL}security.mechanism = "GSSAPI"', "security.mechanism", '"GSSAPI"', 'one of "SCRAM-SHA-512"'),
    (f'{SASL}security.username = ""', "security.username", '""', "a user's name"),
    (f'{SASL}security.password_file = "p"', "security.username", "nothing", "a text"),
    (f'{SASL}security.username = "u"', "security.password", "nothing", "FOOTFALL_SECURITY__PASSWORD"),
    (f'{SASL}security.password = "pw"', "security.password", HIDDEN, "no secret in here"),
    (f"{SASL}security.password_file = 1", "security.password_file", "1", "the path of a file"),
    ('security.ca_file = "ca.pem"', "security.ca_file", '"ca.pem"', 'set that to "ssl" or "sasl_ssl"'),
    (f"{SSL}security.ca_file = 1", "security.ca_file", "1", "the path of a PEM file"),
    (f'{SSL}security.username = "u"', "security.username", '"u"', '"sasl_ssl" or "sasl_plaintext"'),
    (f"{SSL}security.certificate_file = []", "security.certificate_file", "an empty list", "the path"),
    (f'{SSL}security.key_file = "k"', "security.key_file", '"k"', "set security.certificate_file"),
    (f'{SSL}security.key_password = "pw"', "security.key_password", HIDDEN, "security.key_password_file"),
    (f'{SSL}security.key_password_file = ""', "security.key_password_file", '""', "the path of a file"),
    (f"{SSL}security.check_hostname = 0", "security.check_hostname", "0", "true or false"),
    (f"{OAUTH}", "security.token_url", "nothing", "or set security.token_file"),
    (f"{OAUTH}security.token_file = true", "security.token_file", "true", "the path of a file"),
    (f'{OAUTH}security.token_url = "id/token"', "security.token_url", HIDDEN, "a URL such as"),
    (f'{OAUTH}security.token_url = "https://a:b@c/"', "security.token_url", HIDDEN, "no user"),
    (f'{OAUTH}security.token_ca_file = ""', "security.token_ca_file", '""', "the path of a PEM file"),
    (f"{TOKEN}security.client_id = 1", "security.client_id", "1", "a client's id"),
    (f'{TOKEN}security.client_id = "c"', "security.client_secret", "nothing", "client_secret_file"),
    (f'{TOKEN}security.client_secret = "s"', "security.client_secret", HIDDEN, "no secret in here"),
    (f"{TOKEN}security.client_secret_file = 1", "security.client_secret_file", "1", "a file with the"),
    (f"{TOKEN}security.scope = 1", "security.scope", "1", "a scope"),
    (f'{OAUTH}security.token_file = "t"\nsecurity.scope = "s"', "security.scope", '"s"', "nothing beside"),
    (f'{OAUTH}security.username = "u"', "security.username", '"u"', "it is for SCRAM-SHA-512"),
    (f'{SASL}security.token_file = "t"', "security.token_file", '"t"', "it is for OAUTHBEARER"),
    ('security.pasword = "pw"', "security.pasword", HIDDEN, 'did you mean "security.password"?'),
    ('password = "pw"', "password", HIDDEN, "a known setting"),
    ('security = "pw"', "security", HIDDEN, "a table with protocol, mechanism"),
    ('timezone = "Asia/Shangai"', "timezone", '"Asia/Shangai"', 'did you mean "Asia/Shanghai"?'),
    ('timezone = "berlin"', "timezone", '"berlin"', 'did you mean "Europe/Berlin"?'),
    ('timezone = "utc+8"', "timezone", '"utc+8"', "an IANA time zone"),
    ('timezone = "localtime"', "timezone", '"localtime"', "an IANA time zone"),
    ('timezone = "../UTC"', "timezone", '"../UTC"', "an IANA time zone"),
    ('timezone = ""', "timezone", '""', "an IANA time zone"),
    ("timezone = 8", "timezone", "8", "an IANA time zone"),
    ('allowed_lateness = "ten minutes"', "allowed_lateness", '"ten minutes"', "a duration"),
    ('allowed_lateness = "24h"', "allowed_lateness", '"24h"', "less than visit.max, which is 1d"),
    ('visit.max = "10m"', "visit.max", '"10m"', "more than allowed_lateness, which is 10m"),
    ('visit.gap = "0s"', "visit.gap", '"0s"', "at least 1ms"),
    ("max_future = -1", "max_future", "-1", "a duration"),
    ("idle_after = true", "idle_after", "true", "a duration"),
    ('live_within = "1 parsec"', "live_within", '"1 parsec"', "a duration"),
    ('ignore_events = "Email *"', "ignore_events", '"Email *"', "a list of glob patterns"),
    ('ignore_events = ["a", 5]', "ignore_events[1]", "5", "a glob pattern"),
    ('deletion_events = ["@visit"]', "deletion_events[0]", '"@visit"', "the name of an event"),
    ("passive_mediums = [1]", "passive_mediums[0]", "1", "a campaign medium"),
    ('aliases = ["a"]', "aliases", "a list of 1", "raw names with"),
    ("aliases = { a = 1 }", "aliases.a", "1", "the name of an event"),
    ('aliases = { "a b" = "@visit" }', 'aliases."a b"', '"@visit"', "the name of an event"),
    ('preset = "shops"', "preset", '"shops"', 'did you mean "shop"?'),
    ("tiers.low = 0", "tiers.low", "0", "a whole number from 1"),
    ("tiers.low = 4", "tiers.low", "4", "less than tiers.medium, which is 4"),
    ("tiers.high = 3", "tiers.high", "3", "more than tiers.medium, which is 4"),
    ("tiers.hihg = 3", "tiers.hihg", "3", 'did you mean "tiers.high"?'),
    ("active_days = 90", "active_days", "90", "less than churn_days, which is 90"),
    ("churn_days = 180", "churn_days", "180", "less than hibernate_days, which is 180"),
    ("hibernate_days = 90", "hibernate_days", "90", "more than churn_days, which is 90"),
    ("new_days = 90", "new_days", "90", "less than churn_days, which is 90"),
    ("prospect_days = 0", "prospect_days", "0", "a whole number from 1"),
    ("prospect_days = 1.5", "prospect_days", "1.5", "a whole number from 1"),
    ("known_before = 2024", "known_before", "2024", "a date such as 2024-05-01"),
    ('known_before = "2024-13-01"', "known_before", '"2024-13-01"', "a date such as"),
    ("known_before = 2024-05-01T00:00:00Z", "known_before", "2024-05-01T00:00:00+00:00", "a date such as"),
    ("engagement.window = 0.5", "engagement.window", "0.5", "at least 1s"),
    ('engagement.window = "25h"', "engagement.window", '"25h"', "at most 1d"),
    ('engagement.lateness = "17h"', "engagement.lateness", '"17h"', "at most 16h40m, which is 1,000 windows"),
    ('engagement.lateness = "x"', "engagement.lateness", '"x"', "a duration"),
    ('engagement.dimensions = ["a."]', "engagement.dimensions[0]", '"a."', "a dotted path"),
    ('engagement.dimensions = ["key"]', "engagement.dimensions[0]", '"key"', 'not "total" or "key"'),
    ('engagement.dimensions = ["tier", "total"]', "engagement.dimensions[1]", '"total"', "series anyway"),
    ('engagement.dimensions = ["a:b"]', "engagement.dimensions[0]", '"a:b"', 'no ":"'),
    ('engagement.dimensions = ["a", "b", "a"]', "engagement.dimensions[2]", '"a"', "not in the list before"),
    ("engagement.max_values = 0", "engagement.max_values", "0", "a whole number from 1"),
    ("phase_days = 0", "phase_days", "0", "a whole number from 1"),
    ("detection.sensitivity = 1", "detection.sensitivity", "1", "a number above 0, below 1"),
    ("detection.min_volume = -1", "detection.min_volume", "-1", "a number, 0 or more"),
    ('detection.warm_up = "36h"', "detection.warm_up", '"36h"', "whole days"),
    ("detection.resolve_after = 0", "detection.resolve_after", "0", "a whole number from 1"),
    ('detection.cooldown = "soon"', "detection.cooldown", '"soon"', "a duration"),
    ("commit_interval = 0", "commit_interval", "0", "a duration"),
    ('guarantee = "exactly-once"', "guarantee", '"exactly-once"', 'did you mean "exactly_once"?'),
    ("dead_letters.max_ratio = 0", "dead_letters.max_ratio", "0", "a number above 0, at most 1"),
    ("dead_letters.max_ratio = 1.1", "dead_letters.max_ratio", "1.1", "a number above 0, at most 1"),
    ("dead_letters.max_ratio = nan", "dead_letters.max_ratio", "nan", "a number above 0, at most 1"),
    ("topics.partitions = 0", "topics.partitions", "0", "a whole number from 1"),
    ("topics.replication = true", "topics.replication", "true", "a whole number from 1"),
    ('topics.retention = "1s"', "topics.retention", '"1s"', "at least 1m"),
    ('store = "rockdb"', "store", '"rockdb"', 'did you mean "rocksdb"?'),
    ("store_hot = 10", "store_hot", "10", "a whole number from 1,000"),
    ("standby = -1", "standby", "-1", "a whole number from 0 to 10"),
    ('data_dir = ""', "data_dir", '""', "the path of a directory"),
    ('web.host = ""', "web.host", '""', "a host name"),
    ("web.port = 65536", "web.port", "65536", "a whole number from 0 to 65,535"),
    ('web.advertise = "worker-1:6066"', "web.advertise", HIDDEN, "a URL such as http://worker-1"),
    ('web.token = "t"', "web.token", HIDDEN, "set web.token_file, or set FOOTFALL_WEB__TOKEN"),
    ("web.token_file = 1", "web.token_file", "1", "a file with the secret"),
    ('web.ready_within = "0s"', "web.ready_within", '"0s"', "a duration"),
    ("metrics.series = 0", "metrics.series", "0", "a whole number from 1 to 10,000"),
    ('log.level = "WARN"', "log.level", '"WARN"', 'did you mean "warning"?'),
    ('log.format = "logfmt"', "log.format", '"logfmt"', 'one of "text", "json"'),
    ("brokr = 1", "brokr", "1", 'a known setting; did you mean "broker"?'),
    ("gap = 1", "gap", "1", 'did you mean "visit.gap", in [visit]?'),
    ('input.broker = "a:1"', "input.broker", '"a:1"', 'did you mean "broker", above the first [table]?'),
    ("visit.foo = 1", "visit.foo", "1", "[visit] has gap, max"),
    ("vist.gap = 1", "vist", "a table with gap", 'did you mean "visit"?'),
    ("key_events = []", "key_events", "an empty list", 'did you mean "key_event"?'),
    ("key_event = []", "key_event", "an empty list", "at least one [[key_event]]"),
    ('key_event = "A"', "key_event", '"A"', "a list of tables"),
    ("[key_event]\nname = 'A'", "key_event", "a table with name", "a list of tables"),
    ("key_event = [5]", "key_event[0]", "5", "a table with name, weight"),
    ("[[key_event]]\nweight = 1", "key_event[0].name", "nothing", "the name of an event"),
    ('[[key_event]]\nname = ""', "key_event[0].name", '""', "the name of an event"),
    ('[[key_event]]\nname = "@visits"', "key_event[0].name", '"@visits"', 'did you mean "@visit"?'),
    (A + "weight = -1", "key_event[0].weight", "-1", "a number, 0 or more"),
    (A + "weight = inf", "key_event[0].weight", "inf", "a number, 0 or more"),
    (A + 'wieght = 1', "key_event[0].wieght", "1", 'did you mean "weight"?'),
    (A + A + "weight = 2", "key_event[1].weight", "2", "1, the weight of the same event in key_event[0]"),
    (A + 'value = ""', "key_event[0].value", '""', "a dotted path"),
    (A + "owner = 5", "key_event[0].owner", "5", "who is told"),
    (A + "where = 5", "key_event[0].where", "5", "conditions such as"),
    (A + "where.a.b = []", "key_event[0].where.a.b", "an empty list", "a list of texts"),
    (A + 'void = "B"', "key_event[0].void", '"B"', "an event with conditions"),
    (A + "void.event = 5", "key_event[0].void.event", "5", "the name of an event"),
    (A.replace("A", "@return") + "where = { nth = 2 }", "key_event[0].where", "conditions on nth", "nothing"),
    (VISIT + "where = { pags = 5 }", "key_event[0].where", '"pags"', 'did you mean "pages"?'),
    (VISIT + 'where = { pages = "5" }', "key_event[0].where.pages", '"5"', "a number"),
    (VISIT + "where = { passive = 1 }", "key_event[0].where.passive", "1", "true or false"),
    ("tier_rule = {}", "tier_rule", "an empty table", "a list of tables"),
    (RULE.replace('"low"', '"hihg"'), "tier_rule[0].tier", '"hihg"', 'did you mean "high"?'),
    (RULE.replace('"low"', '"none"'), "tier_rule[0].tier", '"none"', 'one of "low", "medium", "high"'),
    (RULE.replace("Completed", "Done"), "tier_rule[0].event", '"Order Done"', '"Order Completed"'),
    (RULE.replace("Completed", "Complet"), "tier_rule[0].event", '"Order Complet"', "did you mean"),
    (RULE.replace("count = 1", "count = 0"), "tier_rule[0].count", "0", "a whole number from 1"),
    (RULE.replace("days = 1", "days = 91"), "tier_rule[0].days", "91", "a whole number from 1 to 90"),
    (RULE.replace("days = 1", ""), "tier_rule[0].days", "nothing", "a whole number from 1 to 90"),
    ("[[campaign]]\nto = 2024-01-01", "campaign[0].name", "nothing", "a name"),
    (C, "campaign[0]", "neither from, to nor where", "at least one of them"),
    (C + "from = 2024-01-01T00:00:00", "campaign[0].from", "2024-01-01T00:00:00", "a time with an offset"),
    (C + "from = 2024-01-02\nto = 2024-01-01", "campaign[0].to", "2024-01-01", "a time after from"),
    (C + "to = 2024-01-01\n" + C + "to = 2024-01-01", "campaign[1].name", '"c"', "no other campaign"),
    ("goal = 1", "goal", "1", "a list of tables"),
    (G.replace("30", "3"), "goal[0].metric", '"active.days_3"', 'did you mean "active.days_30"?'),
    (G.replace("1000", "0"), "goal[0].target", "0", "a number above 0"),
    (G.replace("date = 2025-01-01", ""), "goal[0].date", "nothing", "a date such as"),
    (G + G, "goal[1].date", "2025-01-01", "other than that of goal[0], which is for active.days_30"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "key", "got", "takes"), WRONG, ids=[case[0] for case in WRONG])
def test_a_wrong_value_is_answered(refused: Refuse, document: str, key: str, got: str, takes: str) -> None:
    [problem] = refused(document)
    assert (problem.key, problem.got) == (key, got)
    assert takes in problem.takes
    assert problem.place is not None
    assert problem.place.rpartition("footfall.toml:")[2].isdecimal()


def test_every_setting_has_a_wrong_value_above() -> None:
    answered = {key for _, key, _, _ in WRONG}
    assert SETTINGS.keys() - {key.partition("[")[0] for key in answered} == {"tiers.medium"}


TEXTS = st.one_of(
    st.text("abc.@>=< 10\n\0\u00fc", max_size=8),
    st.sampled_from(
        ["", "10m", "a.b", ">= 5", "a >= 5", "@visit", "@return", "shop", "UTC", "a:1", "..", "~x"]
    ),
)
SCALARS = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(),
    st.integers(0, 200),
    st.floats(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.datetimes(timezones=st.just(datetime.UTC)),
)
KEYS = st.one_of(TEXTS, st.sampled_from([*LISTS, *(part for key in SETTINGS for part in key.split("."))]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def rows(fields: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Lists of tables with mostly known keys, so that what is inside them is reached."""
    names = st.sampled_from([field.key for field in fields])
    good = {
        "name": st.sampled_from(["A", "@visit", "@return"]),
        "tier": st.just("high"),
        "event": st.just("A"),
        "metric": st.just("base"),
    }
    table = st.dictionaries(names, VALUES, max_size=6)
    known = st.fixed_dictionaries({}, optional={f.key: good.get(f.key, VALUES) for f in fields})
    return st.lists(st.one_of(table, known), max_size=3)


DOCUMENTS = st.one_of(
    st.dictionaries(KEYS, VALUES, max_size=5),
    st.fixed_dictionaries(
        {},
        optional={name: rows(fields) for name, fields in LISTS.items()},
    ),
    st.builds(
        lambda key, value: {key.partition(".")[0]: {key.partition(".")[2]: value} if "." in key else value},
        st.sampled_from([*SETTINGS]),
        VALUES,
    ),
)
VARIABLES = st.dictionaries(
    st.one_of(
        st.sampled_from([setting.variable for setting in SETTINGS.values() if setting.variable]),
        TEXTS.map(lambda name: f"FOOTFALL_{name}"),
    ),
    st.one_of(TEXTS, SCALARS.map(str), st.text(max_size=5)),
    max_size=3,
)


@given(DOCUMENTS, VARIABLES)
@example({"aliases": {"a": "\x00"}}, {"FOOTFALL_TIMEZONE": "\x00"})
@example({"timezone": "America"}, {"FOOTFALL_DATA_DIR": "~nobody-of-that-name/x"})
@example({"timezone": "a" * 5_000}, {"FOOTFALL_WEB__PORT": "1" * 5_000})
@example({"campaign": [{"name": "c", "from": datetime.date.min, "to": datetime.date.max}]}, {})
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_but_settings_errors_escapes(document: dict[str, Any], environ: dict[str, str]) -> None:
    outcome = _read(document, environ)
    if isinstance(outcome, Settings):
        assert len(outcome.definition.hash()) == 12
        return
    assert outcome.problems
    for problem in outcome.problems:
        assert str(problem) in str(outcome)
        assert problem.key
        assert problem.got
        assert problem.takes


def _read(document: dict[str, Any], environ: dict[str, str]) -> Settings | SettingsError:
    try:
        return read(document, environ)
    except SettingsError as error:
        return error
