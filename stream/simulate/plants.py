"""What can befall the simulated product: kinds of trouble and success, their parameters, how they show."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from msgspec import Struct

from stream.core.definition import DAY, HOUR, MINUTE
from stream.core.records import Direction, Measure, Period
from stream.core.times import format_ms
from stream.settings.durations import format_duration

Kind = Literal["outage", "viral", "decline", "broken", "bad-channel", "promotion"]


class Plant(Struct, frozen=True, kw_only=True):
    """Something that befalls the product from `start_ms` to before `end_ms`.

    `direction` and `measures` are how it shows, the clearest measure first; `period` where: in windows
    or in days. `lasts_ms` is its usual length; None: to the end.
    """

    start_ms: int
    end_ms: int

    kind: ClassVar[Kind]
    lasts_ms: ClassVar[int | None]
    period: ClassVar[Period] = "window"
    direction: ClassVar[Direction | None] = "drop"
    measures: ClassVar[tuple[Measure, ...]] = ("volume", "people")

    @property
    def cause(self) -> str | None:
        """The series that accounts for most of it; None where everything moves alike."""
        return None

    @property
    def text(self) -> str:
        """The plant as `--plant` takes it; names its random stream, too."""
        start, length = format_ms(self.start_ms), format_duration(self.end_ms - self.start_ms)
        parts = [f"{self.kind}:from={start},for={length}"]
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            if field.name in ("start_ms", "end_ms") or value is None:
                continue
            if field.name in SHARES:
                value = f"{100 * value:g}%"
            elif isinstance(value, float):
                value = f"{value:g}"
            parts.append(f"{field.name}={value}")
        return ",".join(parts)


SHARES = ("depth", "rate", "share")
"""Parameters that are shares, 0 to 1."""


class Outage(Plant, frozen=True, kw_only=True):
    """Events are lost between the product and Footfall: `depth` of them, of one channel or of all."""

    depth: float = 0.5
    channel: str | None = None

    kind = "outage"
    lasts_ms = 30 * MINUTE

    @property
    def cause(self) -> str | None:
        return f"channel:{self.channel}" if self.channel else None


class Viral(Plant, frozen=True, kw_only=True):
    """Somebody with many followers talks of the shop: `factor` times the usual visits, through `channel`."""

    channel: str = "social"
    factor: float = 2.0

    kind = "viral"
    lasts_ms = 2 * HOUR
    direction = "spike"
    measures = ("people", "volume")

    @property
    def cause(self) -> str | None:
        return f"channel:{self.channel}"


class Decline(Plant, frozen=True, kw_only=True):
    """Visits become fewer by `rate` a day, of one channel or of all, and stay at the level then reached."""

    rate: float = 0.02
    channel: str | None = None

    kind = "decline"
    lasts_ms = None
    period = "day"

    @property
    def cause(self) -> str | None:
        return f"channel:{self.channel}" if self.channel else None


class Broken(Plant, frozen=True, kw_only=True):
    """A release no longer sends one kind of event, or only `1 - share` of it; all else stays."""

    event: str = "Order Completed"
    share: float = 1.0

    kind = "broken"
    lasts_ms = 12 * HOUR
    measures = ("volume",)

    @property
    def cause(self) -> str | None:
        return f"key:{self.event}"


class BadChannel(Plant, frozen=True, kw_only=True):
    """`share` of a channel's visits end after the first page: the advertisement shows to the wrong people."""

    channel: str = "paid"
    share: float = 1.0

    kind = "bad-channel"
    lasts_ms = 12 * HOUR
    measures = ("index", "volume")

    @property
    def cause(self) -> str | None:
        return f"channel:{self.channel}"


class Promotion(Plant, frozen=True, kw_only=True):
    """A sale brings `factor` times the usual visits; all events of the surplus have the campaign `name`."""

    name: str = "sale"
    channel: str = "referral"
    factor: float = 2.0

    kind = "promotion"
    lasts_ms = 1 * DAY
    direction = None
    measures = ()

    @property
    def configuration(self) -> str:
        """The `[[campaign]]` that keeps it out of the engagement index. Visits that began before its end
        are in it to their last event."""
        return (
            f'[[campaign]]\nname = "{self.name}"\nfrom = "{format_ms(self.start_ms)}"\n'
            f'to = "{format_ms(self.end_ms + DAY)}"\n'
            f'where = {{ "context.campaign.name" = "{self.name}" }}\n'
        )


PLANTS: tuple[type[Plant], ...] = (Outage, Viral, Decline, Broken, BadChannel, Promotion)
