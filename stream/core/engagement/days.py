"""The days of one partition: what is counted for each, until the watermark has passed its end (SPEC 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from stream.core.calendar import Calendar
from stream.core.engagement import census
from stream.core.engagement.figures import Cell, Figures, add, add_all
from stream.core.engagement.partials import DayPart
from stream.core.engagement.standing import Standing

DAYS_PREFIX = b"\xf7"
"""What the changelog's keys of days begin with."""

STANDING_KEY = b"\xf6"
"""The changelog's key of the sum of the days that are closed. Not one of the days': Footfalls that do not sum
them read those."""

NO_CHANNEL = "(none)"
OTHER = "other"
LONGEST_NAME = 200
"""Characters of a channel that are told apart."""

_CLOSED_KEY = DAYS_PREFIX  # the others have a day
_DAY_ZERO = 2**31  # so that days before 1970 have a key, too


class Days:
    """Figures by local day: the last that has begun, so that a day is over when the next one begins.

    All is counted for the day that it is of, and nothing for a day that is closed: those are summed up. A
    channel beyond the `max_channels` first of a day is counted as `other`: a bound of memory.
    """

    def __init__(self, calendar: Calendar, *, source: int, max_values: int) -> None:
        self.closed_day: int | None = None
        self._calendar = calendar
        self._source = source
        self._max_channels = max(1_000, 10 * max_values)
        self._figures: dict[int, Figures] = {}
        self._cells: dict[int, dict[str | None, Cell]] = {}
        self._changed: dict[int, None] = {}
        self._next_end: int | None = None
        self._closed = Standing()
        self._started = False
        self._written = False
        self._current_day: int | None = None
        self._current = Figures()

    # -- counting ---------------------------------------------------------------------------------

    def figures(self, day: int) -> Figures:
        """To count on. What is of a day that is closed counts for the first that is not."""
        if day == self._current_day:
            return self._current
        if self.closed_day is not None and day <= self.closed_day:
            day = self.closed_day + 1
        figures = self._figures.get(day)
        if figures is None:
            figures = self._figures[day] = Figures()
        self._changed[day] = None
        self._current_day, self._current = day, figures
        return figures

    def is_closed(self, day: int) -> bool:
        """Whether the day's figures have been handed on."""
        return self.closed_day is not None and day <= self.closed_day

    def cells(self, day: int) -> dict[str | None, Cell]:
        """The cells of a day by the channel as it is in events, as far as `cell` has been asked for them.

        They may be counted on until the changes are taken.
        """
        if day != self._current_day and day in self._figures:
            self.figures(day)
        cells = self._cells.get(day)
        if cells is None:
            cells = self._cells[day] = {}
        return cells

    def cell(self, day: int, channel: str | None) -> tuple[str, Cell]:
        """The name and the cell of a channel, to count on."""
        channels = self.figures(day).channels
        name = channel[:LONGEST_NAME] if channel else NO_CHANNEL
        if name not in channels and len(channels) >= self._max_channels:
            name = OTHER
        cell = channels.get(name)
        if cell is None:
            cell = channels[name] = Cell()
        if name == (channel or NO_CHANNEL):
            self.cells(day)[channel] = cell
        return name, cell

    def standing(self) -> Standing:
        """Who is there as of now: what the closed days have left, and the open ones."""
        standing = self._closed.copy()
        for day in sorted(self._figures):
            _add(standing, day, self._figures[day])
        return standing

    # -- closing ----------------------------------------------------------------------------------

    def close(self, watermark: int) -> list[DayPart]:
        """The figures of the days that are over by the watermark, and were not closed yet, in order."""
        if self._next_end is not None and watermark < self._next_end:
            return []
        today = self._calendar.reached(watermark)
        self._next_end = self._calendar.midnight(today + 1)[0]
        if self.is_closed(today - 1):
            return []
        self.closed_day = self._closed.closed = today - 1
        self._written = False
        self._current_day = None
        parts = []
        for day in sorted(day for day in self._figures if day < today):
            figures = self._figures.pop(day)
            self._changed[day] = None
            _add(self._closed, day, figures)
            figures.moved = 0
            if figures != _NOTHING:
                parts.append(DayPart(self._source, day, figures))
        for day in [day for day in self._cells if day < today]:
            del self._cells[day]
        return parts

    # -- what it keeps ----------------------------------------------------------------------------

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Changelog records since last asked: key, value (None deletes)."""
        if self._changed and not self._written:
            self._started = self._written = True
            yield _CLOSED_KEY, _encode((self.closed_day,))
            yield STANDING_KEY, _encode(self._closed)
        for day in self._changed:
            figures = self._figures.get(day)
            yield _key(day), None if figures is None else _encode(figures)
        self._changed.clear()
        self._current_day = None

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Go on where the changelog's records say that the partition was."""
        summed = Standing(_NO_DAY)
        for key, value in records.items():
            if key == _CLOSED_KEY:
                self._started = True
                self.closed_day = _decode_closed(value)[0]
            elif key == STANDING_KEY:
                summed = _decode_standing(value)
            else:
                self._figures[int.from_bytes(key[1:], "big") - _DAY_ZERO] = _decode(value)
        # where a Footfall that does not sum them has closed days since, the sum is no use
        self._written = self._started and summed.closed == self.closed_day
        self._closed = summed if self._written else Standing(self.closed_day)

    def restored(self, watermark: int, profiles: census.Profiles) -> None:
        """After the last record, of a partition that had come as far as `watermark`.

        Where an older Footfall wrote the state, and did not count or sum up, the profiles are counted, once.
        """
        if not self._started:
            opening = census.opening(profiles)
            if opening.states:
                self.figures(self._calendar.reached(watermark)).opening = opening
        elif not self._written:
            self._closed = census.standing(profiles, self.closed_day)
            for figures in self._figures.values():
                _take_back(self._closed, figures)


def _add(standing: Standing, day: int, figures: Figures) -> None:
    """One more day of a partition, later than all others."""
    if figures.opening is not None:
        standing.open(figures.opening)
    standing.add(day, figures)
    add(standing.states, "prospect", figures.moved)


def _take_back(standing: Standing, figures: Figures) -> None:
    """Of what was found in profiles, leave what an open day will add."""
    add(standing.states, "prospect", -figures.moved)
    for counted in (figures, figures.opening):
        if counted is not None:
            add_all(standing.states, {state: -persons for state, persons in counted.states.items()})
            add_all(standing.tiers, {tier: -persons for tier, persons in counted.tiers.items()})


def _key(day: int) -> bytes:
    return DAYS_PREFIX + (day + _DAY_ZERO).to_bytes(4, "big")


_NOTHING = Figures()
_NO_DAY = -(2**40)
_encode = msgspec.msgpack.Encoder().encode
_decode_closed = msgspec.msgpack.Decoder(tuple[int | None]).decode
_decode = msgspec.msgpack.Decoder(Figures).decode
_decode_standing = msgspec.msgpack.Decoder(Standing).decode
