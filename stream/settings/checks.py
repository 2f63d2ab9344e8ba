"""What settings must fulfil together, and what is allowed but worth a second look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from stream.core.definition import (
    DAY,
    RETURN_EVENT,
    VISIT_EVENT,
    Condition,
    Engagement,
    Goal,
    KeyEvent,
    Promotion,
    TierRule,
)
from stream.settings import security
from stream.settings.conditions import check_visit_conditions
from stream.settings.durations import format_duration
from stream.settings.findings import Findings
from stream.settings.kinds import closest, did_you_mean, show
from stream.settings.model import OUTPUTS, Settings

EVENT_FIELDS = (
    "messageId", "type", "userId", "anonymousId", "previousId", "event", "timestamp", "receivedAt",
    "context", "properties", "traits",
)  # fmt: skip

OWN_DIMENSIONS = ("channel", "campaign", "tier")

MOST_OPEN = 1_000
"""Windows of engagement that may be open at once, by their lateness."""

ASCENDING = (
    ("allowed_lateness", "visit.max"),
    ("active_days", "churn_days"),
    ("churn_days", "hibernate_days"),
    ("new_days", "churn_days"),
    ("tiers.low", "tiers.medium"),
    ("tiers.medium", "tiers.high"),
)
"""Pairs of which the first has to be less than the second."""


def check_scalars(values: Mapping[str, Any], given: Mapping[str, object], findings: Findings) -> None:
    """The orders above, and that Footfall does not read what it writes.

    Of a pair in the wrong order, the one that was `given` is the problem, not a default.
    """
    for less, more in ASCENDING:
        if findings.spoilt(less, more) or values[less] < values[more]:
            continue
        write = format_duration if less == "allowed_lateness" else str
        if less in given:
            takes = f"less than {more}, which is {write(values[more])}"
            findings.add(less.split("."), show(given[less]), takes)
        else:
            takes = f"more than {less}, which is {write(values[less])}"
            findings.add(more.split("."), show(given[more]), takes)
    topic, prefix = values["input.topic"], values["prefix"]
    if not findings.spoilt("input.topic", "prefix") and topic in {f"{prefix}.{output}" for output in OUTPUTS}:
        findings.add(("input", "topic"), show(topic), "a topic that Footfall does not write itself")


def check_key_events(entries: Sequence[tuple[int, KeyEvent]], findings: Findings) -> None:
    """Names with `@`, what they may ask, and one weight for one name."""
    first: dict[str, tuple[int, KeyEvent]] = {}
    for index, entry in entries:
        steps = ("key_event", index)
        own = (VISIT_EVENT, RETURN_EVENT)
        if entry.name.startswith("@") and entry.name not in own:
            takes = f"{VISIT_EVENT}, {RETURN_EVENT} or an event's name"
            findings.add((*steps, "name"), show(entry.name), takes + did_you_mean(entry.name, own))
        if entry.name == RETURN_EVENT and entry.where:
            findings.add((*steps, "where"), _shown(entry.where), f"nothing: {RETURN_EVENT} has no conditions")
        if entry.name == VISIT_EVENT:
            findings.add_all((*steps, "where"), check_visit_conditions(entry.where))
        other, earlier = first.setdefault(entry.name, (index, entry))
        if earlier.weight != entry.weight:
            takes = f"{earlier.weight}, the weight of the same event in key_event[{other}]"
            findings.add((*steps, "weight"), str(entry.weight), takes)


def check_tier_rules(
    rules: Sequence[tuple[int, TierRule]], key_events: Sequence[KeyEvent], findings: Findings
) -> None:
    """That what a rule counts is a key event."""
    names = list(dict.fromkeys(entry.name for entry in key_events))
    for index, rule in rules:
        if rule.event not in names:
            takes = "a configured key event, one of " + ", ".join(f'"{name}"' for name in names)
            findings.add(
                ("tier_rule", index, "event"), show(rule.event), takes + did_you_mean(rule.event, names)
            )


def check_windows(values: Mapping[str, Any], given: Mapping[str, object], findings: Findings) -> None:
    """That not too many windows are open at once, and that windows are split by each dimension once."""
    if not findings.spoilt("engagement.window", "engagement.lateness"):
        window_ms, lateness_ms = values["engagement.window"], values["engagement.lateness"]
        if lateness_ms > MOST_OPEN * window_ms:
            if "engagement.lateness" in given:
                got, takes = given["engagement.lateness"], f"at most {format_duration(MOST_OPEN * window_ms)}"
                takes += f", which is {MOST_OPEN:,} windows of engagement.window"
                findings.add(("engagement", "lateness"), show(got), takes)
            else:
                got = given["engagement.window"]
                takes = f"at least a {MOST_OPEN:,}th of engagement.lateness, which is "
                findings.add(("engagement", "window"), show(got), takes + format_duration(lateness_ms))
    dimensions = values["engagement.dimensions"]
    for index, dimension in enumerate(dimensions):
        if dimension in dimensions[:index]:
            steps = ("engagement", "dimensions", index)
            findings.add(steps, show(dimension), "a dimension that is not in the list before")


def check_campaigns(
    campaigns: Sequence[tuple[int, Mapping[str, Any], Promotion]], findings: Findings
) -> None:
    """Names used once; an end not before its start; and something that tells the campaign's events."""
    names: set[str] = set()
    for index, row, promotion in campaigns:
        steps = ("campaign", index)
        start_ms, end_ms = promotion.start_ms, promotion.end_ms
        if promotion.name in names:
            findings.add((*steps, "name"), show(promotion.name), "a name that no other campaign has")
        names.add(promotion.name)
        if start_ms is None and end_ms is None and not promotion.where:
            findings.add(steps, "neither from, to nor where", "at least one of them")
        if start_ms is not None and end_ms is not None and start_ms >= end_ms:
            findings.add((*steps, "to"), row["to"], f"a time after from, which is {row['from']}")


def check_goals(goals: Sequence[tuple[int, Goal]], findings: Findings) -> None:
    """One target for a metric on one date."""
    first: dict[tuple[str, str], int] = {}
    for index, goal in goals:
        other = first.setdefault((goal.metric, goal.date), index)
        if other != index:
            takes = f"a date other than that of goal[{other}], which is for {goal.metric} too"
            findings.add(("goal", index, "date"), goal.date, takes)


def remarks(settings: Settings) -> list[str]:
    """What is allowed and probably not meant, a sentence each; `footfall check` prints them."""
    return list(_remarks(settings))


def _remarks(settings: Settings) -> Iterator[str]:
    yield from security.remarks(settings.security)
    definition = settings.definition
    for raw, canonical in definition.aliases.items():
        if definition.aliases.get(canonical, canonical) != canonical:
            yield f'aliases: "{raw}" stands for "{canonical}", an alias itself; names are mapped only once'
    for entry in definition.key_events:
        if definition.aliases.get(entry.name, entry.name) != entry.name:
            canonical = definition.aliases[entry.name]
            yield f'key_event "{entry.name}" never occurs: aliases maps that name to "{canonical}"'
        for pattern in definition.ignore_events:
            if fnmatchcase(entry.name, pattern):
                yield f'key_event "{entry.name}" never occurs: ignore_events has "{pattern}"'
        if entry.name == VISIT_EVENT and not entry.where:
            yield f"key_event {VISIT_EVENT} has no where: every visit is engaged"
        if entry.name not in (VISIT_EVENT, RETURN_EVENT):
            yield from _unknown_roots(f'key_event "{entry.name}"', _paths(entry))
    yield from _of_windows(definition.engagement, definition.allowed_lateness_ms)
    if definition.visit_gap_ms >= definition.visit_max_ms:
        yield "visit.gap is not less than visit.max: only visit.max ends visits"


def _of_windows(engagement: Engagement, allowed_lateness_ms: int) -> Iterator[str]:
    for promotion in engagement.promotions:
        paths = [condition.path for condition in promotion.where]
        yield from _unknown_roots(f'campaign "{promotion.name}"', paths)
    paths = [dimension for dimension in engagement.dimensions if dimension not in OWN_DIMENSIONS]
    yield from _unknown_roots("engagement.dimensions", paths)
    if DAY % engagement.window_ms:
        yield "engagement.window does not divide a day: no two days have the same windows to compare"
    if engagement.lateness_ms > allowed_lateness_ms:
        yield (
            "engagement.lateness is more than allowed_lateness, beyond which an event is late anyway: "
            "windows wait for nothing"
        )


def _paths(entry: KeyEvent) -> list[str]:
    paths = [condition.path for condition in entry.where]
    paths += [condition.path for void in entry.void for condition in void.where]
    return paths + ([entry.value] if entry.value else [])


def _unknown_roots(place: str, paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        root = path.split(".")[0]
        if root not in EVENT_FIELDS:
            near = closest(root, EVENT_FIELDS)
            meant = path.replace(root, near, 1) if near else f"properties.{path}"
            yield f'{place}: "{path}" is no Segment field; "{meant}" is probably meant'


def _shown(conditions: Sequence[Condition]) -> str:
    return "conditions on " + ", ".join(condition.path for condition in conditions)
