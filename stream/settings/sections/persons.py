"""Events, visits, and the stages of a person's life."""

from __future__ import annotations

from stream.settings.kinds import Kind, Refusal, Refused, choice, optional, refuse, text, texts, whole
from stream.settings.moments import day, duration
from stream.settings.setting import Section, Setting, days

EVENT_NAME = text("the name of an event", r"(?s)(?!@).+")
PRESETS = ("shop", "recruiting", "content", "forum", "portal", "messenger", "learning")


def aliases() -> Kind:
    takes = 'raw names with their canonical ones, such as "order_paid" = "Order Completed"'

    def read(value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise refuse(value, takes)
        refusals: list[Refusal] = []
        for raw, canonical in value.items():
            try:
                EVENT_NAME.read(canonical)
            except Refused as refused:
                refusals += refused.below(raw)
        if refusals:
            raise Refused(refusals)
        return dict(value)

    return Kind("table", takes, read)


VISITS = Section(
    "Events and visits",
    (
        Setting("aliases", aliases(), {}, "Raw event names and the canonical ones they stand for."),
        Setting(
            "ignore_events",
            texts("a list of glob patterns of event names", text("a glob pattern of event names")),
            [],
            "Events that happen *to* a person rather than by them; counted and dropped.",
        ),
        Setting(
            "deletion_events",
            texts("a list of event names", EVENT_NAME),
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
)

LIFECYCLE = Section(
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
        days(
            "active_days",
            30,
            "Days in which engaged visits make a person active. Less than `churn_days`.",
        ),
        days("prospect_days", 30, "A visitor who never registered is forgotten after so many days."),
        days(
            "new_days",
            30,
            "Days a registered person stays `new` without engaging. Less than `churn_days`.",
        ),
        days("churn_days", 90, "Days without an event until `churned`. Less than `hibernate_days`."),
        days("hibernate_days", 180, "Days without an event until `hibernating`."),
        Setting(
            "known_before",
            optional(day()),
            None,
            "Persons first seen before this date without a `createdAt` are `imported`, not `new`. "
            "Set it to the day Footfall starts on a running product.",
        ),
    ),
)
