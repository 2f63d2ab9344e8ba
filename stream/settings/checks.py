"""What settings must fulfil together, and what is allowed but worth a second look."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from stream.core.definition import RETURN_EVENT, VISIT_EVENT, Condition, KeyEvent, TierRule
from stream.settings import security
from stream.settings.conditions import check_visit_conditions
from stream.settings.durations import format_duration
from stream.settings.findings import Findings
from stream.settings.kinds import closest, did_you_mean, show
from stream.settings.model import OUTPUTS, Campaign, Settings

EVENT_FIELDS = (
    "messageId", "type", "userId", "anonymousId", "previousId", "event", "timestamp", "receivedAt",
    "context", "properties", "traits",
)  # fmt: skip

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


def check_campaigns(campaigns: Sequence[tuple[int, Campaign]], timezone: str, findings: Findings) -> None:
    """Names used once; an end not before its start; and something that tells the campaign's events."""
    names: set[str] = set()
    for index, campaign in campaigns:
        steps = ("campaign", index)
        if campaign.name in names:
            findings.add((*steps, "name"), show(campaign.name), "a name that no other campaign has")
        names.add(campaign.name)
        if not (campaign.start or campaign.end or campaign.where):
            findings.add(steps, "neither from, to nor where", "at least one of them")
        if campaign.start and campaign.end and not _in_order(campaign.start, campaign.end, timezone):
            findings.add((*steps, "to"), campaign.end, f"a time after from, which is {campaign.start}")


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
            yield from _unknown_roots(entry)
    if definition.visit_gap_ms >= definition.visit_max_ms:
        yield "visit.gap is not less than visit.max: only visit.max ends visits"


def _unknown_roots(entry: KeyEvent) -> Iterator[str]:
    paths = [condition.path for condition in entry.where]
    paths += [condition.path for void in entry.void for condition in void.where]
    paths += [entry.value] if entry.value else []
    for path in paths:
        root = path.split(".")[0]
        if root not in EVENT_FIELDS:
            near = closest(root, EVENT_FIELDS)
            meant = path.replace(root, near, 1) if near else f"properties.{path}"
            yield f'key_event "{entry.name}": "{path}" is no Segment field; "{meant}" is probably meant'


def _in_order(start: str, end: str, timezone: str) -> bool:
    """Whether a period has any time in it; a bare date as its end includes that day."""
    whole_day = datetime.timedelta(days=1 if len(end) == len("2024-11-11") else 0)
    return _since_epoch(start, timezone) < _since_epoch(end, timezone) + whole_day


def _since_epoch(text: str, timezone: str) -> datetime.timedelta:
    at = datetime.datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(timezone))
    return at - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def _shown(conditions: Sequence[Condition]) -> str:
    return "conditions on " + ", ".join(condition.path for condition in conditions)
