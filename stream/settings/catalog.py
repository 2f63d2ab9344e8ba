"""Every setting: its key, kind, default and meaning. Reading and the reference both follow this list."""

from __future__ import annotations

from types import EllipsisType
from typing import NamedTuple

from stream.core.definition import DAY, Detection
from stream.settings.durations import format_duration
from stream.settings.entries import LISTS
from stream.settings.kinds import (
    Kind,
    Refusal,
    Refused,
    boolean,
    brokers,
    choice,
    day,
    days_long,
    dimension,
    dotted_path,
    duration,
    file,
    folder,
    number,
    optional,
    refuse,
    secret,
    show,
    text,
    texts,
    topic_name,
    web_address,
    whole,
    zone,
)
from stream.settings.setting import Section, Setting

PRESETS = ("shop", "recruiting", "content", "forum", "portal", "messenger", "learning")
LONGEST_DAYS = 36_500

_DETECTION = Detection()


def _days(key: str, default: int, meaning: str) -> Setting:
    return Setting(key, whole(1, LONGEST_DAYS), default, meaning)


def _secret(key: str, meaning: str) -> tuple[Setting, Setting]:
    """A secret: by a file, or by the environment."""
    return (
        Setting(key, optional(secret()), None, f"{meaning} Only by the environment, never in the file."),
        Setting(f"{key}_file", optional(file("a file with the secret")), None, "The same, in a file."),
    )


def _aliases() -> Kind:
    takes = 'raw names with their canonical ones, such as "order_paid" = "Order Completed"'

    def read(value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise refuse(value, takes)
        refusals: list[Refusal] = []
        for raw, canonical in value.items():
            try:
                _NAMES.read(canonical)
            except Refused as refused:
                refusals += refused.below(raw)
        if refusals:
            raise Refused(refusals)
        return dict(value)

    return Kind("table", takes, read)


_NAMES = text("the name of an event", r"(?s)(?!@).+")
_SHARE = number("a number above 0, at most 1", lambda share: 0 < share <= 1)

CATALOG = (
    Section(
        "The stream",
        (
            Setting("broker", brokers(), "localhost:9092", "Where Kafka is."),
            Setting(
                "prefix",
                topic_name(180),
                "footfall",
                "What the names of all topics that Footfall writes begin with: `footfall.visits`.",
            ),
            Setting(
                "group",
                topic_name(180),
                "footfall",
                "The consumer group, under which state is kept too. Workers of one group share the work.",
            ),
            Setting("input.topic", topic_name(), "app-events", "The topic that events are read from."),
            Setting(
                "input.key",
                optional(dotted_path('a dotted path such as "context.groupId"')),
                None,
                "The dotted path of what the input's records are keyed by. Unset: by the person.",
            ),
            Setting(
                "input.keyed",
                boolean(),
                True,
                "Whether records carry that key, so that one partition has all of a person's events. "
                "`false`: keys are not looked at, and the stream is re-keyed through a topic of Footfall's "
                "own, which has `topics.partitions`.",
            ),
        ),
    ),
    Section(
        "Security",
        (
            Setting(
                "security.protocol",
                choice("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
                "plaintext",
                "How the broker is talked to: `ssl` is TLS, `sasl` says who we are. More in "
                "[security.md](security.md).",
            ),
            Setting(
                "security.mechanism",
                choice("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER"),
                "SCRAM-SHA-512",
                "How we say who we are, with a `sasl` protocol.",
            ),
            Setting(
                "security.username", optional(text("a user's name")), None, "For SCRAM and PLAIN: who we are."
            ),
            *_secret("security.password", "For SCRAM and PLAIN: the user's password."),
            Setting(
                "security.ca_file",
                optional(file("a PEM file of CA certificates")),
                None,
                "For TLS: the CAs that may vouch for the broker. Unset: the system's.",
            ),
            Setting(
                "security.certificate_file",
                optional(file("a PEM file with our certificate, and those between it and its CA")),
                None,
                "For TLS, where the broker asks for a certificate (mTLS): ours. Read anew when it changes.",
            ),
            Setting(
                "security.key_file",
                optional(file("a PEM file with our private key")),
                None,
                "Its key. Unset: in the certificate's file.",
            ),
            *_secret("security.key_password", "The key's password, where it is encrypted."),
            Setting(
                "security.check_hostname",
                boolean(),
                True,
                "For TLS: whether the broker's certificate must be for the host name that we connect to.",
            ),
            Setting(
                "security.token_file",
                optional(file("a file with a token")),
                None,
                "For OAUTHBEARER: a file with the token, read for each connection.",
            ),
            Setting(
                "security.token_url",
                optional(web_address("https://id.example.com/oauth2/token")),
                None,
                "For OAUTHBEARER, instead: the endpoint that gives a token for client credentials.",
            ),
            Setting(
                "security.token_ca_file",
                optional(file("a PEM file of CA certificates")),
                None,
                "The CAs that may vouch for that endpoint. Unset: the system's.",
            ),
            Setting("security.client_id", optional(text("a client's id")), None, "Who we are to it."),
            *_secret("security.client_secret", "The client's secret."),
            Setting("security.scope", optional(text("a scope")), None, "What the token shall allow."),
        ),
    ),
    Section(
        "Time",
        (
            Setting(
                "timezone",
                zone(),
                "UTC",
                "Days are local dates in this zone. `time_zone` is the same key.",
            ),
            Setting(
                "allowed_lateness",
                duration(0),
                "10m",
                "How far behind its partition's newest event an event may be and still count. "
                "Less than `visit.max`.",
            ),
            Setting(
                "max_future",
                duration(0),
                "1h",
                "An event further than this after its own arrival is a dead letter.",
            ),
            Setting(
                "idle_after",
                duration(),
                "30s",
                "A partition read to its end, with nothing new for so long, no longer holds time back.",
            ),
            Setting(
                "live_within",
                duration(),
                "10m",
                "The stream is live while its newest event arrived within this of its own time; "
                "a live stream that falls silent goes on with the wall clock.",
            ),
        ),
    ),
    Section(
        "Events and visits",
        (
            Setting("aliases", _aliases(), {}, "Raw event names and the canonical ones they stand for."),
            Setting(
                "ignore_events",
                texts("a list of glob patterns of event names", text("a glob pattern of event names")),
                [],
                "Events that happen *to* a person rather than by them; counted and dropped.",
            ),
            Setting(
                "deletion_events",
                texts("a list of event names", _NAMES),
                ["Account Deleted"],
                "Events that erase the person.",
            ),
            Setting(
                "visit.gap",
                duration(),
                "30m",
                "A visit ends where the next event is more than this later.",
            ),
            Setting("visit.max", duration(), "24h", "No event joins a visit more than this after its first."),
            Setting(
                "passive_mediums",
                texts("a list of campaign mediums", text("a campaign medium")),
                ["email", "sms", "push"],
                "A visit whose first event came by one of these was asked for, not chosen.",
            ),
        ),
    ),
    Section(
        "Activity and lifecycle",
        (
            Setting(
                "preset",
                choice(*PRESETS),
                "shop",
                "Key events to start from. Any `[[key_event]]` in the file replaces them all.",
            ),
            Setting("tiers.low", whole(1, 1_000_000), 1, "Engaged visits in `active_days` for tier `low`."),
            Setting("tiers.medium", whole(1, 1_000_000), 4, "The same for `medium`. More than `tiers.low`."),
            Setting("tiers.high", whole(1, 1_000_000), 10, "The same for `high`. More than `tiers.medium`."),
            _days(
                "active_days",
                30,
                "Days in which engaged visits make a person active. Less than `churn_days`.",
            ),
            _days("prospect_days", 30, "A visitor who never registered is forgotten after so many days."),
            _days(
                "new_days",
                30,
                "Days a registered person stays `new` without engaging. Less than `churn_days`.",
            ),
            _days("churn_days", 90, "Days without an event until `churned`. Less than `hibernate_days`."),
            _days("hibernate_days", 180, "Days without an event until `hibernating`."),
            Setting(
                "known_before",
                optional(day()),
                None,
                "Persons first seen before this date without a `createdAt` are `imported`, not `new`. "
                "Set it to the day Footfall starts on a running product.",
            ),
        ),
    ),
    Section(
        "Engagement of the product",
        (
            Setting(
                "engagement.window",
                duration(1_000, DAY),
                "1m",
                "Event time is cut into windows of this length, from 1970-01-01 on.",
            ),
            Setting(
                "engagement.lateness",
                duration(0),
                "30s",
                "How long a window waits for its last events, by the input's own time. An event that comes "
                "later counts for its person, not for its window. At most 1,000 windows long.",
            ),
            Setting(
                "engagement.dimensions",
                texts('a list of "channel", "campaign", "tier" or dotted paths', dimension()),
                ["channel", "campaign", "tier"],
                "What windows are split by: each value is a series of its own, such as `channel:web`.",
            ),
            Setting(
                "engagement.max_values",
                whole(1, 10_000),
                100,
                "Values kept apart of each dimension, the largest of the day before; the rest are `other`.",
            ),
            _days(
                "phase_days", 7, "Days a trend must hold before the product counts as growing or declining."
            ),
        ),
    ),
    Section(
        "Anomalies",
        (
            Setting(
                "detection.sensitivity",
                number("a number above 0, below 1", lambda score: 0 < score < 1),
                _DETECTION.sensitivity,
                "The score from which a value is out of its bounds. Nearer to 1: fewer alarms.",
            ),
            Setting(
                "detection.min_volume",
                number("a number, 0 or more", lambda volume: volume >= 0),
                _DETECTION.min_volume,
                "What a series must have in a typical window, in people or volume, before it may alert.",
            ),
            Setting(
                "detection.warm_up",
                days_long(),
                f"{_DETECTION.warm_up_days}d",
                "How long a series must have been seen before it may alert.",
            ),
            Setting(
                "detection.resolve_after",
                whole(1, 10_000),
                _DETECTION.resolve_after,
                "Windows in a row back inside the bounds after which an incident is resolved.",
            ),
            Setting(
                "detection.cooldown",
                duration(0),
                format_duration(_DETECTION.cooldown_ms),
                "How long a series opens no new incident after one was resolved.",
            ),
        ),
    ),
    Section(
        "Running",
        (
            Setting(
                "commit_interval",
                duration(),
                "500ms",
                "How often results, state and positions are committed together.",
            ),
            Setting(
                "guarantee",
                choice("auto", "exactly_once", "at_least_once"),
                "auto",
                "`auto` is `exactly_once` where the broker has transactions.",
            ),
            Setting(
                "dead_letters.max_ratio",
                _SHARE,
                0.5,
                "The worker stops when more of a partition's last 1,000 records than this are dead letters.",
            ),
            Setting(
                "topics.partitions", whole(1, 10_000), 8, "Partitions of the topics that Footfall creates."
            ),
            Setting("topics.replication", whole(1, 100), 1, "Copies of each partition."),
            Setting(
                "topics.retention",
                duration(60_000),
                "7d",
                "How long visits, transitions, late events and dead letters are kept after writing.",
            ),
            Setting(
                "store",
                choice("rocksdb", "memory"),
                "rocksdb",
                "Where persons are kept while a worker runs: `rocksdb`, on disk in `data_dir`, so that there "
                "may be more than memory holds and a restart reads only what is new; or all in `memory`. "
                "Either way they are in Kafka.",
            ),
            Setting(
                "store_hot",
                whole(1_000, 100_000_000),
                100_000,
                'How many persons a worker with `store = "rocksdb"` keeps at hand in memory, 1 to 2 KB each.',
            ),
            Setting(
                "standby",
                whole(0, 10),
                0,
                "How many other workers keep a copy of each partition's persons, to take over at once.",
            ),
            Setting(
                "data_dir",
                folder(),
                "footfall-data",
                "Where a worker keeps its local store. Workers on one host may share it.",
            ),
            Setting(
                "web.host",
                text("a host name or an address", r"\S+"),
                "127.0.0.1",
                "Where metrics and pages are served.",
            ),
            Setting("web.port", whole(0, 65_535), 6066, "The same, the port; 0 takes a free one."),
            Setting(
                "web.advertise",
                optional(web_address("http://worker-1.example.com:6066")),
                None,
                "Where the other workers of the group reach this one's pages, to ask for its persons. "
                "Unset: `http://<web.host>:<web.port>`, which is enough on one host.",
            ),
            *_secret("web.token", "What a request must carry (`Authorization: Bearer …`) to erase a person."),
            Setting(
                "web.ready_within",
                duration(),
                "1m",
                "`/readyz` answers with 200 once all is restored, and no partition is further behind.",
            ),
            Setting(
                "metrics.series",
                whole(1, 10_000),
                50,
                "How many series of engagement `/metrics` shows: `total`, key events, then the largest.",
            ),
            Setting("log.level", choice("debug", "info", "warning", "error"), "info", "How much is logged."),
            Setting("log.format", choice("text", "json"), "text", "`json` is one object a line."),
        ),
    ),
)

SETTINGS = {setting.key: setting for section in CATALOG for setting in section.settings}
SECRETS = {key for key, setting in SETTINGS.items() if setting.kind.name == "secret"}


class Description(NamedTuple):
    """A setting as people read it. `default` is TOML, or empty; fields of lists are `[[key_event]] name`."""

    section: str
    key: str
    default: str
    kind: str
    takes: str
    variable: str | None
    meaning: str
    required: bool


def describe() -> list[Description]:
    """Every setting there is, in the order of the reference."""
    found = [_describe(section.title, "", setting) for section in CATALOG for setting in section.settings]
    for name, fields in LISTS.items():
        found += [_describe(f"[[{name}]]", f"[[{name}]] ", field) for field in fields]
    return found


def _describe(section: str, before: str, setting: Setting) -> Description:
    return Description(
        section=section,
        key=before + setting.key,
        default=_default(setting.default),
        kind=setting.kind.name,
        takes=setting.kind.takes,
        variable=None if before else setting.variable,
        meaning=setting.meaning,
        required=setting.default is ...,
    )


def _default(default: object) -> str:
    match default:
        case None | EllipsisType():
            return ""
        case list():
            return "[" + ", ".join(show(item) for item in default) + "]"
        case dict():
            return "{}"
        case _:
            return show(default)
