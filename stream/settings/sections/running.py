"""A worker: what it writes, keeps, serves and says."""

from __future__ import annotations

from stream.settings.kinds import choice, number, optional, text, whole
from stream.settings.moments import duration
from stream.settings.places import folder, web_address
from stream.settings.setting import Section, Setting, secret_settings

SHARE = number("a number above 0, at most 1", lambda share: 0 < share <= 1)


RUNNING = Section(
    "Running",
    (
        Setting(
            "commit_interval",
            duration(),
            "500ms",
            "How often results, state and positions are committed together. A partition that is more than "
            "10 s behind does so every 2 to 8 s, if this is less, until it has caught up.",
        ),
        Setting(
            "guarantee",
            choice("auto", "exactly_once", "at_least_once"),
            "auto",
            "`auto` is `exactly_once` where the broker has transactions.",
        ),
        Setting(
            "dead_letters.max_ratio",
            SHARE,
            0.5,
            "The worker stops when more of a partition's last 1,000 records than this are dead letters.",
        ),
        Setting("topics.partitions", whole(1, 10_000), 8, "Partitions of the topics that Footfall creates."),
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
            'How many persons a worker with `store = "rocksdb"` keeps at hand in memory, about 2.5 KB each.',
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
        *secret_settings(
            "web.token", "What a request must carry, `Authorization: Bearer …`, to erase a person."
        ),
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
)
