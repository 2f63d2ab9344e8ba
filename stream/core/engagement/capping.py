"""Which values of a dimension have a series of their own on a day; the rest is under `other` (SPEC 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from stream.core.calendar import Calendar
from stream.core.definition import Definition
from stream.core.engagement.partials import Sums
from stream.core.engagement.parts import added
from stream.core.engagement.rows import OTHER, dimension_of, volume_of, weights_of

MOST_RANKED = 10_000
"""Values of a dimension whose volume over a day is kept; or ten times `max_values`, if that is more."""

_Entry = tuple[float, bool]
_DAY = "day"
_decode_entry = msgspec.msgpack.Decoder(_Entry).decode
_decode_day = msgspec.msgpack.Decoder(int).decode
_encode = msgspec.msgpack.Encoder().encode


class Capping:
    """Windows come in order; they belong to the local day of their start.

    Kept through a day are the `max_values` largest by volume, then by name, over the last day before it on
    which anything happened. Places that are left go to new values as they appear, window by window, within
    one by volume, then by name. Above `MOST_RANKED` values a day those with the least volume so far are
    forgotten.
    """

    def __init__(self, definition: Definition, calendar: Calendar) -> None:
        self._calendar = calendar
        self._weights = weights_of(definition)
        self._dimensions = definition.engagement.dimensions
        self._most = definition.engagement.max_values
        self._most_ranked = max(MOST_RANKED, 10 * self._most)
        self._day: int | None = None
        self._kept: dict[str, set[str]] = {name: set() for name in self._dimensions}
        self._volumes: dict[str, dict[str, float]] = {name: {} for name in self._dimensions}
        self._changed: set[str] = set()

    def fold(self, start_ms: int, sums: Mapping[str, Sums]) -> dict[str, Sums]:
        """The window's series, with `other`; its volumes count for the next day's choice."""
        if not sums:
            return {}
        day = self._calendar.reached(start_ms)
        if day != self._day:
            self._begin(day)
        volumes = self._volumes_of(sums)
        for series in _by_volume(volumes):
            dimension = dimension_of(series) or ""
            ranked, kept = self._volumes[dimension], self._kept[dimension]
            if series not in kept and len(kept) < self._most:
                kept.add(series)
                self._changed.add(series)
            before = ranked.get(series)
            if before is None or volumes[series]:
                ranked[series] = (before or 0.0) + volumes[series]
                self._changed.add(series)
            if len(ranked) > self._most_ranked:
                self._forget_the_least(dimension)
        return self._under_other(sums, self._kept)

    def peek(self, start_ms: int, sums: Mapping[str, Sums]) -> dict[str, Sums]:
        """What `fold` would give if the window closed now."""
        if sums and self._calendar.reached(start_ms) != self._day:
            kept = {name: self._largest(name) for name in self._dimensions}
        else:
            kept = {name: set(values) for name, values in self._kept.items()}
        for series in _by_volume(self._volumes_of(sums)):
            places = kept[dimension_of(series) or ""]
            if len(places) < self._most:
                places.add(series)
        return self._under_other(sums, kept)

    def keeps(self, series: str) -> bool:
        """Whether the series is one of its own today, or not capped at all."""
        dimension = dimension_of(series)
        if dimension is None or series == _other(dimension):
            return True
        return series in self._kept.get(dimension, ())

    def _begin(self, day: int) -> None:
        kept = {name: self._largest(name) for name in self._dimensions}
        for name in self._dimensions:
            self._changed |= self._volumes[name].keys() | self._kept[name] | kept[name]
            self._volumes[name] = {}
        self._kept = kept
        self._day = day
        self._changed.add("")

    def _largest(self, dimension: str) -> set[str]:
        return set(_by_volume(self._volumes[dimension])[: self._most])

    def _volumes_of(self, sums: Mapping[str, Sums]) -> dict[str, float]:
        """Volumes by series, of those that compete for a place."""
        return {
            series: volume_of(of.key_events, self._weights)
            for series, of in sums.items()
            if (dimension := dimension_of(series)) in self._kept and series != _other(dimension or "")
        }

    def _under_other(self, sums: Mapping[str, Sums], kept: Mapping[str, set[str]]) -> dict[str, Sums]:
        found: dict[str, Sums] = {}
        for series, of in sums.items():
            dimension = dimension_of(series)
            if dimension is not None and series not in kept.get(dimension, ()):
                series = _other(dimension)
                if series in found:
                    found[series] = added(found[series], of)
                    continue
            found[series] = of
        return found

    def _forget_the_least(self, dimension: str) -> None:
        ranked = self._volumes[dimension]
        for series in _by_volume(ranked)[self._most_ranked // 2 :]:
            del ranked[series]
            self._changed.add(series)

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """What to keep of what has changed since the last call."""
        changed, self._changed = sorted(self._changed), set()
        for series in changed:
            if not series:
                yield _DAY, _encode(self._day)
                continue
            dimension = dimension_of(series) or ""
            kept = series in self._kept[dimension]
            volume = self._volumes[dimension].get(series)
            unknown = volume is None and not kept
            yield series, None if unknown else _encode((-1.0 if volume is None else volume, kept))

    def restore(self, key: str, value: bytes) -> None:
        """Take in what `changes` gave once, in any order; what is no dimension any more is left out."""
        if key == _DAY:
            self._day = _decode_day(value)
            return
        dimension = dimension_of(key)
        if dimension is None or dimension not in self._kept:
            return
        volume, kept = _decode_entry(value)
        if kept:
            self._kept[dimension].add(key)
        if volume >= 0:
            self._volumes[dimension][key] = volume


def _other(dimension: str) -> str:
    return f"{dimension}:{OTHER}"


def _by_volume(volumes: Mapping[str, float]) -> list[str]:
    return sorted(volumes, key=lambda series: (-volumes[series], series))
