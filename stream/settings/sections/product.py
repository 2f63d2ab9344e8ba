"""Engagement of the product, and its anomalies."""

from __future__ import annotations

from stream.core.definition import DAY, Detection
from stream.settings.durations import format_duration
from stream.settings.kinds import dimension, number, texts, whole
from stream.settings.moments import days_long, duration
from stream.settings.setting import Section, Setting, days

_DETECTION = Detection()


ENGAGEMENT = Section(
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
        days("phase_days", 7, "Days a trend must hold before the product counts as growing or declining."),
    ),
)

ANOMALIES = Section(
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
)
