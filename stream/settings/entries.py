"""What the entries of lists take: `[[key_event]]`, `[[tier_rule]]`, `[[campaign]]` and `[[goal]]`."""

from __future__ import annotations

from stream.settings.conditions import void_kind, where_kind
from stream.settings.goals import GOAL_METRICS
from stream.settings.kinds import choice, dotted_path, number, text, whole
from stream.settings.moments import day, instant
from stream.settings.setting import Setting

KEY_EVENT = (
    Setting(
        "name",
        text("the name of an event, or @visit or @return"),
        ...,
        "The event, by its canonical name; or `@visit`, `@return`. Entries of one name are alternatives.",
    ),
    Setting(
        "weight",
        number("a number, 0 or more", lambda weight: weight >= 0),
        1,
        "What a visit's engagement gains by it, once a visit. The same in all entries of one name.",
    ),
    Setting("where", where_kind(), [], "Conditions that must all hold."),
    Setting("value", dotted_path(), None, "The dotted path of an amount, such as `properties.total`."),
    Setting("void", void_kind(), [], "An event that cancels this key event's occurrences in the same visit."),
    Setting("owner", text("who is told, such as an address"), None, "Who is told when it misbehaves."),
)

TIER_RULE = (
    Setting("tier", choice("low", "medium", "high"), ..., "The tier that a person is lifted to."),
    Setting("event", text("the name of a configured key event"), ..., "The key event that is counted."),
    Setting("count", whole(1, 1_000_000), ..., "At least so many occurrences ..."),
    Setting("days", whole(1, 90), ..., "... in so many days."),
)

CAMPAIGN = (
    Setting(
        "name",
        text("a name"),
        ...,
        "The promotion's name, used once. Its events count for persons; in windows only as `promoted`.",
    ),
    Setting("from", instant(), None, "Its first day or instant. Unset: always was."),
    Setting("to", instant(), None, "Its last day, all of it, or the instant it ends. Unset: does not end."),
    Setting(
        "where", where_kind(), [], "Which events belong to it. Needed where neither `from` nor `to` is set."
    ),
)

GOAL = (
    Setting(
        "metric",
        choice(*GOAL_METRICS),
        ...,
        "A figure of the daily report, by its path there, such as `active.days_30` or `retention`.",
    ),
    Setting("target", number("a number above 0", lambda target: target > 0), ..., "What it shall reach."),
    Setting("date", day(), ..., "The day by which it shall."),
)

LISTS = {"key_event": KEY_EVENT, "tier_rule": TIER_RULE, "campaign": CAMPAIGN, "goal": GOAL}
