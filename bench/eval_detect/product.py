"""A product that is simulated by windows: cells of channel × campaign × tier, with rhythm, drift and noise.

People of a window are drawn by cell (Poisson around a rate that itself wavers), the engaged among them and
their key events from those, so that the 30 series are sums of the same persons. The rate has a daily and a
weekly rhythm by channel, growth, a newsletter and a push message a week, two holidays, a slow random drift of
everything, of each channel, campaign, tier and key event (autocorrelated over hours), and a day's own level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bench.eval_detect.plants import DAY_MS, Kind, Plant
from stream.core.definition import SHOP, KeyEvent
from stream.core.engagement.rows import Row

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

START_MS = 1_767_571_200_000  # Monday 2026-01-05
HOUR_MS = 3_600_000

CHANNELS = {"web": 0.32, "ios": 0.26, "android": 0.22, "mini": 0.12, "partner": 0.05, "kiosk": 0.03}
TIERS = {"none": (0.42, 0.05), "low": (0.31, 0.11), "medium": (0.18, 0.18), "high": (0.09, 0.28)}
"""Share of the people, and how many of them have a key event in a window."""
KEYS: tuple[KeyEvent, ...] = SHOP
KEY_SHARE = {
    "Order Completed": 0.17,
    "Checkout Started": 0.25,
    "Product Added": 0.45,
    "Product Shared": 0.13,
}
"""An engaged person's first key event; more of them follow at `MORE` times the rate."""
MORE = 0.6
NEWSLETTER, PUSH, NO_CAMPAIGN = "newsletter", "push-recall", "(none)"
CAMPAIGNS = {
    NO_CAMPAIGN: 0.58,
    **{f"campaign-{rank}": 0.40 / (rank + 1) / 2.25 for rank in range(1, 13)},
    NEWSLETTER: 0.006,
    PUSH: 0.004,
}
SENDINGS = (  # campaign, hour of the week, share of all people at its peak, hours to fade, channels
    (NEWSLETTER, 34, 0.25, 1.5, ("web", "ios", "android")),
    (PUSH, 91, 0.15, 0.75, ("ios", "android")),
)
SMALLEST = 3e-4
"""A cell below this share of the people is left out."""

GROWTH_A_DAY = 0.0015
HOLIDAY, HOLIDAYS = 0.75, (31, 59)
HOURS = (  # weekday, by hour UTC
    *(0.42, 0.33, 0.28, 0.26, 0.28, 0.36, 0.55, 0.80, 1.00, 1.12, 1.18, 1.20),
    *(1.28, 1.22, 1.12, 1.10, 1.12, 1.18, 1.30, 1.45, 1.52, 1.42, 1.10, 0.72),
)
WEEKEND = {"web": 0.75, "ios": 1.10, "android": 1.12, "mini": 1.20, "partner": 0.55, "kiosk": 0.90}

DRIFT = {  # standard deviation of the logarithm, hours of memory
    "total": (0.030, 6),
    "channel": (0.030, 8),
    "campaign": (0.040, 12),
    "tier": (0.015, 24),
    "key": (0.025, 24),
    "engaged": (0.020, 24),
}
DAY_LEVEL = 0.02
WAVER = {"total": 0.010, "channel": 0.015, "key": 0.02}
"""Noise of single windows beyond Poisson, of the logarithm."""


class Product:
    """90 days (or so) of one simulated product; `people` is the mean of persons a window."""

    def __init__(
        self, seed: int, *, days: int, step_ms: int, people: float, plants: Sequence[Plant] = ()
    ) -> None:
        self.days, self.step_ms, self.plants = days, step_ms, tuple(plants)
        self._rng = np.random.default_rng(seed)
        self._steps = DAY_MS // step_ms
        shares = [
            (channel, campaign, tier, CHANNELS[channel] * CAMPAIGNS[campaign] * TIERS[tier][0])
            for channel in CHANNELS
            for campaign in CAMPAIGNS
            for tier in TIERS
            if not any(campaign == sent and channel not in where for sent, *_, where in SENDINGS)
        ]
        sent = {NEWSLETTER, PUSH}
        self._cells = [cell for cell in shares if cell[3] >= SMALLEST or cell[1] in sent]
        share = np.array([cell[3] for cell in self._cells])
        self._base = people * share / share.sum()
        self._channel = _index([cell[0] for cell in self._cells], list(CHANNELS))
        self._campaign = _index([cell[1] for cell in self._cells], list(CAMPAIGNS))
        self._tier = _index([cell[2] for cell in self._cells], list(TIERS))
        self._engaged = np.array([TIERS[cell[2]][1] for cell in self._cells])
        self._shift = self._rng.normal(0, 0.7, len(CHANNELS))  # hours by which a channel's day is shifted
        self._drifts = {
            name: _Drift(self._rng, sd, hours, step_ms, width)
            for (name, (sd, hours)), width in zip(
                DRIFT.items(),
                (1, len(CHANNELS), len(CAMPAIGNS), len(TIERS), len(KEYS), len(CHANNELS)),
                strict=True,
            )
        }
        weeks = days // 7 + 2
        self._sizes = self._rng.lognormal(0, 0.05, (len(SENDINGS), weeks))
        self._day_levels = self._rng.normal(0, DAY_LEVEL, days + 2)
        self._names, self._sums = self._series()

    @property
    def series(self) -> list[str]:
        """All series, sorted."""
        return sorted([*self._names, *(f"key:{key.name}" for key in KEYS)])

    def amount(self, kind: Kind, cause: str | None, at_ms: int) -> float:
        """What a window usually has, at that time of day, of what a plant changes: people or key events."""
        people = float(self._base.sum()) * HOURS[at_ms % DAY_MS // HOUR_MS] / float(np.mean(HOURS))
        engaged = people * sum(share * rate for share, rate in TIERS.values())
        dimension, _, value = (cause or "").partition(":")
        if dimension == "key":
            return engaged * KEY_SHARE[value] * (1 + MORE)
        share = CHANNELS[value] if dimension == "channel" else 1.0
        return share * (engaged if kind == "bad-channel" else people)

    def windows(self) -> Iterator[tuple[int, dict[str, Row]]]:
        """Start of the window in ms, and its rows, in order of time."""
        for day in range(self.days):
            yield from self._day(day)

    def _day(self, day: int) -> Iterator[tuple[int, dict[str, Row]]]:
        start = START_MS + day * DAY_MS
        hours = day * 24 + (np.arange(self._steps) + 0.5) * self.step_ms / HOUR_MS
        rate = self._rates(hours)
        engaged_rate = self._engaged * np.exp(self._drifts["engaged"].take(self._steps))[:, self._channel]
        keys = np.exp(self._drifts["key"].take(self._steps) + self._waver("key", len(KEYS)))
        keys = keys * np.array([KEY_SHARE[key.name] for key in KEYS])
        thinned = self._plant(start, rate, engaged_rate)
        people = self._rng.poisson(rate)
        engaged = self._rng.binomial(people, np.minimum(engaged_rate, 1.0))
        total_keys = keys.sum(axis=1, keepdims=True)
        first = self._rng.multinomial(engaged, (keys / total_keys)[:, None, :])
        more = self._rng.poisson(engaged[:, :, None] * (MORE * keys)[:, None, :])
        # a key event that happens to fewer: those lose their engagement, too
        first = self._rng.binomial(first, thinned[:, None, :])
        more = self._rng.binomial(more, thinned[:, None, :])
        yield from self._rows(start, people, first, more)

    def _rates(self, hours: Array) -> Array:
        """People a window of each cell, [window, cell], as they would be with nothing planted."""
        drifts = self._drifts
        log = drifts["total"].take(len(hours)) + self._waver("total", 1)
        log = log + np.interp(hours / 24, np.arange(self.days + 2), self._day_levels)[:, None]
        log = log + np.log1p(GROWTH_A_DAY) * hours[:, None] / 24 + np.log(_holiday(hours))[:, None]
        channel = drifts["channel"].take(len(hours)) + self._waver("channel", len(CHANNELS))
        channel = channel + np.log(
            np.stack(
                [
                    _rhythm(hours + shift, WEEKEND[name])
                    for name, shift in zip(CHANNELS, self._shift, strict=True)
                ],
                axis=1,
            )
        )
        campaign = drifts["campaign"].take(len(hours)) + np.log(self._sendings(hours))
        tier = drifts["tier"].take(len(hours))
        log = log + channel[:, self._channel] + campaign[:, self._campaign] + tier[:, self._tier]
        return np.exp(log) * self._base

    def _sendings(self, hours: Array) -> Array:
        """By how much each campaign is lifted at its hour of the week, [window, campaign]."""
        lift = np.ones((len(hours), len(CAMPAIGNS)))
        for row, (campaign, at, peak, fade, _) in enumerate(SENDINGS):
            since = hours - at
            week = np.maximum(np.floor(since / 168), 0).astype(int)
            age = since - 168 * week
            wave = np.where(age >= 0, np.minimum(age / 0.25, 1) * np.exp(-age / fade), 0.0)
            lift[:, list(CAMPAIGNS).index(campaign)] += (
                peak / CAMPAIGNS[campaign] * wave * self._sizes[row, week]
            )
        return lift

    def _waver(self, name: str, width: int) -> Array:
        return self._rng.normal(0, WAVER[name], (self._steps, width))

    def _plant(self, start: int, rate: Array, engaged_rate: Array) -> Array:
        """Change the rates in place by what is planted; return the share of each key event that is left."""
        times = start + np.arange(self._steps) * self.step_ms
        left = np.ones((self._steps, len(KEYS)))
        for plant in self.plants:
            inside = (times >= plant.start) & (times < plant.end)
            if not inside.any() or plant.kind == "promotion":
                continue
            dimension, _, value = (plant.cause or "").partition(":")
            if plant.kind == "decline":
                days = (times[inside] - plant.start) / DAY_MS
                rate[inside] *= np.power(plant.factor, days)[:, None]
            elif dimension == "key":
                left[inside, [key.name for key in KEYS].index(value)] *= plant.factor
            else:
                cells = (
                    np.ones(len(self._base), dtype=bool)
                    if plant.cause is None
                    else self._channel == list(CHANNELS).index(value)
                )
                target = engaged_rate if plant.kind == "bad-channel" else rate
                target[np.ix_(inside, cells)] *= plant.factor
        return left

    def _series(self) -> tuple[list[str], Counts]:
        """The series that are sums over cells, and which cells those are, [cell, series]."""
        names = ["total"]
        columns = [np.ones(len(self._cells), dtype=np.int64)]
        for dimension, values, index in (
            ("channel", CHANNELS, self._channel),
            ("campaign", CAMPAIGNS, self._campaign),
            ("tier", TIERS, self._tier),
        ):
            for position, value in enumerate(values):
                names.append(f"{dimension}:{value}")
                columns.append((index == position).astype(np.int64))
        return names, np.stack(columns, axis=1)

    def _rows(
        self, start: int, people: Counts, first: Counts, more: Counts
    ) -> Iterator[tuple[int, dict[str, Row]]]:
        names = [key.name for key in KEYS]
        weights = [float(key.weight) for key in KEYS]
        of_series = people @ self._sums
        engaged = first.sum(axis=2) @ self._sums
        occurrences = np.einsum("wck,cs->wsk", first + more, self._sums)
        volumes = occurrences @ np.array(weights)
        columns = (of_series.tolist(), engaged.tolist(), occurrences.tolist(), volumes.tolist())
        by_key = (first.sum(axis=1) + self._rng.binomial(more.sum(axis=1), 0.85)).tolist()
        for window, (p, e, o, v) in enumerate(zip(*columns, strict=True)):
            at = start + window * self.step_ms
            promoted = sum(
                plant.factor
                for plant in self.plants
                if plant.kind == "promotion" and plant.start <= at < plant.end
            )
            rows: dict[str, Row] = {}
            for name, n, active, counts, volume in zip(self._names, p, e, o, v, strict=True):
                rows[name] = Row(
                    events=3 * n + sum(counts),
                    pageviews=2 * n,
                    people=n,
                    visits=n // 2,
                    engaged=active,
                    key_events={key: count for key, count in zip(names, counts, strict=True) if count},
                    volume=volume,
                    index=active / n if n else 0.0,
                    promoted=round(volume * promoted, 6),
                    promoted_people=int(n * promoted),
                )
            for position, name in enumerate(names):
                count, active = o[0][position], by_key[window][position]
                rows[f"key:{name}"] = Row(
                    events=count,
                    people=active,
                    engaged=active,
                    key_events={name: count} if count else {},
                    volume=count * weights[position],
                    index=1.0 if active else 0.0,
                    promoted=round(count * weights[position] * promoted, 6),
                    promoted_people=int(active * promoted),
                )
            yield at, rows


class _Drift:
    """Autocorrelated noise (AR(1)) of the logarithm of a rate: standard deviation and hours of memory."""

    def __init__(self, rng: np.random.Generator, sd: float, hours: float, step_ms: int, width: int) -> None:
        self._keep = float(np.exp(-step_ms / HOUR_MS / hours))
        self._rng, self._sd = rng, sd
        self._level = rng.normal(0, sd, width)

    def take(self, count: int) -> Array:
        """The next `count` windows, [window, column]."""
        steps = self._rng.normal(0, self._sd * (1 - self._keep**2) ** 0.5, (count, len(self._level)))
        for row in range(count):
            steps[row] += self._keep * self._level
            self._level = steps[row]
        return steps


def _rhythm(hours: Array, weekend: float) -> Array:
    """The factor of the hour of the week: smooth over hours, weekends flatter and later."""
    curve = np.array(HOURS) / np.mean(HOURS)
    day, hour = np.floor(hours / 24).astype(int) % 7, hours % 24
    weekday = np.interp(hour, np.arange(25), np.append(curve, curve[0]))
    late = np.interp((hour - 1.5) % 24, np.arange(25), np.append(curve, curve[0]))
    saturday = np.clip(hours % 168 - 120, 0, 3) / 3  # three hours from Friday's to Saturday's
    monday = 1 - np.clip(hours % 168, 0, 3) / 3
    free = np.where(day >= 5, saturday, monday * (hours >= 0))
    free = np.where((day >= 1) & (day < 5), 0.0, free)
    return weekday * (1 - free) + weekend * late * free


def _holiday(hours: Array) -> Array:
    factor = np.ones(len(hours))
    for day in HOLIDAYS:
        into = hours - 24 * day
        depth = np.clip(np.minimum(into + 2, 25 - into) / 3, 0, 1)
        factor -= (1 - HOLIDAY) * depth
    return factor


def _index(values: list[str], names: list[str]) -> npt.NDArray[np.int64]:
    return np.array([names.index(value) for value in values])
