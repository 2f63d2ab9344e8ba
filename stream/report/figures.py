"""A daily report's figures with the words and the form in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping

from stream.core.records import Daily, Phase, Traffic

SOURCES = ("activated", "reactivated", "resurrected")
LOSSES = ("lapsed", "deleted")
STATES = ("new", "active", "silent", "churned", "hibernating")
TIERS = ("high", "medium", "low", "none")

PHASES: Mapping[Phase, str] = {
    "growing": "growing: newcomers have outnumbered those who churned for days",
    "stable": "stable: neither newcomers nor those who churn have outnumbered the others for long",
    "declining": "declining: those who churned have outnumbered newcomers for days",
}
RATIOS: Mapping[str, str] = {
    "new_user_ratio": "New-user ratio",
    "churn_rate": "Churn rate",
    "activity": "Activity",
    "retention": "Retention",
}
EVERYBODY = "all"


def ratio(daily: Daily, name: str) -> float:
    """One of RATIOS: 0 to 1, or more."""
    value: float = getattr(daily, name)
    return value


def balance(daily: Daily) -> str:
    """How the number of active persons came about, as a sum: it always holds."""
    gained = (f"+ {daily.sources.get(name, 0):,} {name}" for name in SOURCES)
    lost = (f"- {daily.losses.get(name, 0):,} {name}" for name in LOSSES)
    active = daily.people_by_state.get("active", 0)
    return f"{active:,} = {daily.active_before:,} the day before {' '.join(gained)} {' '.join(lost)}"


def traffic_rows(daily: Daily) -> list[tuple[str, Traffic]]:
    """Everybody, then channels, those with the most visits first."""
    channels = sorted(daily.channels.items(), key=lambda channel: (-channel[1].visits, channel[0]))
    return [(EVERYBODY, daily.traffic), *channels]


def share(value: float) -> str:
    """`12.5 %`."""
    return f"{value * 100:.1f} %"


def change(now: float, before: float | None) -> str:
    """In points, against another day: `+1.2`, `±0.0`; nothing where that is not known."""
    if before is None:
        return ""
    points = round((now - before) * 100, 1)
    return f"{points:+.1f}" if points else "±0.0"


def seconds(value: float) -> str:
    """`45 s`, `3 min 05 s`."""
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def amount(value: float) -> str:
    """A goal's figure: whole numbers as such, others with as much as says something."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def days_left(days: int) -> str:
    """`12 days left`, `today`, `3 days ago`."""
    if days == 0:
        return "today"
    count = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    return f"{count} left" if days > 0 else f"{count} ago"
