"""The days of one partition: what is counted for each, until the watermark has passed its end (SPEC 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from stream.core.calendar import Calendar
from stream.core.definition import TIERS
from stream.core.engagement.figures import Cell, Figures, Opening, add
from stream.core.engagement.partials import DayPart
from stream.core.events import ANONYMOUS
from stream.core.profile import ACTIVE, NEW, SILENT, STATES, Profile
from stream.core.times import EARLIEST

DAYS_PREFIX = b"\xf7"
"""What the changelog's keys begin with."""

NO_CHANNEL = "(none)"
OTHER = "other"
LONGEST_NAME = 200
"""Characters of a channel that are told apart."""

IN_BASE = (NEW, ACTIVE, SILENT)

_CLOSED_KEY = DAYS_PREFIX  # the others have a day
_DAY_ZERO = 2**31  # so that days before 1970 have a key, too


class Days:
    """Figures by local day: the last that has begun, so that a day is over when the next one begins.

    All is counted for the day that it is of, and nothing for a day that is closed. A channel beyond the
    `max_channels` first of a day is counted as `other`: a bound of memory.
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
        self._started = False
        self._written: int | None = None
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

    # -- closing ----------------------------------------------------------------------------------

    def close(self, watermark: int) -> list[DayPart]:
        """The figures of the days that are over by the watermark, and were not closed yet, in order."""
        if self._next_end is not None and watermark < self._next_end:
            return []
        today = self._calendar.reached(watermark)
        self._next_end = self._calendar.midnight(today + 1)[0]
        if self.is_closed(today - 1):
            return []
        self.closed_day = today - 1
        self._current_day = None
        parts = []
        for day in sorted(day for day in self._figures if day < today):
            figures = self._figures.pop(day)
            self._changed[day] = None
            if figures != _NOTHING:
                parts.append(DayPart(self._source, day, figures))
        for day in [day for day in self._cells if day < today]:
            del self._cells[day]
        return parts

    # -- what it keeps ----------------------------------------------------------------------------

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Changelog records since last asked: key, value (None deletes)."""
        if self._changed and (not self._started or self.closed_day != self._written):
            self._started, self._written = True, self.closed_day
            yield _CLOSED_KEY, _encode((self.closed_day,))
        for day in self._changed:
            figures = self._figures.get(day)
            yield _key(day), None if figures is None else _encode(figures)
        self._changed.clear()
        self._current_day = None

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Go on where the changelog's records say that the partition was."""
        for key, value in records.items():
            if key == _CLOSED_KEY:
                self._started = True
                self.closed_day = self._written = _decode_closed(value)[0]
            else:
                self._figures[int.from_bytes(key[1:], "big") - _DAY_ZERO] = _decode(value)

    def restored(self, watermark: int, profiles: Iterable[tuple[str, Profile]]) -> None:
        """After the last record, of a partition that had come as far as `watermark`.

        Where an older Footfall wrote the state, nobody is counted yet: the profiles are, once.
        """
        if not self._started:
            opening = _opening(profiles)
            if opening.states:
                self.figures(self._calendar.reached(watermark)).opening = opening


def _opening(profiles: Iterable[tuple[str, Profile]]) -> Opening:
    opening = Opening({}, {}, {}, {}, {})
    for person, p in profiles:
        if is_prospect(person, p):
            add(opening.states, "prospect", 1)
            add(opening.visitors, p.last_day, 1)
        elif p.registered is not None:
            add(opening.states, STATES[p.state], 1)
            add(opening.tiers, TIERS[p.tier], 1)
            add(opening.users, p.last_day, 1)
            if p.state in IN_BASE:
                add(opening.base, p.last_day, 1)
    return opening


def is_prospect(person: str, p: Profile) -> bool:
    """Whether somebody is seen, not registered, and neither joined nor moved."""
    return person.startswith(ANONYMOUS) and p.registered is None and p.redirect is None and p.last >= EARLIEST


def _key(day: int) -> bytes:
    return DAYS_PREFIX + (day + _DAY_ZERO).to_bytes(4, "big")


_NOTHING = Figures()
_encode = msgspec.msgpack.Encoder().encode
_decode_closed = msgspec.msgpack.Decoder(tuple[int | None]).decode
_decode = msgspec.msgpack.Decoder(Figures).decode
