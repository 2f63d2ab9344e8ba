"""Windows of engagement, as far as one partition goes: what events add to them, and when they close (SPEC 6).

An event adds, at its own time, what it made true in its visit with all that was before it in time. So a later
event takes nothing back, and one that arrives out of order may change what those after it made true: the
windows of those are still open, if its own is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from stream.core.activity import Mark
from stream.core.clock import BEGINNING
from stream.core.definition import Definition
from stream.core.engagement.cells import Cell, Further, Occurrences, Touched, Window
from stream.core.engagement.dimensions import Dimensions
from stream.core.engagement.partials import ClockPart, Sums, WindowPart
from stream.core.engagement.partials import encode as encode_part
from stream.core.events import EntryFields, is_long
from stream.core.profile import UNCOUNTED, Profile, Recent
from stream.core.visits import Fact, Facts

WINDOWS_PREFIX = b"\xf8"
"""What the changelog's keys of windows begin with; alone it is the key of `_State`."""

_CELL, _WINDOW = b"\xf8c", b"\xf8w"  # then the cell's id; then the window's start
_START_ZERO = 2**63  # so that starts before 1970 have a key, too

_LAYOUT = 1
"""Of the records below; raised when an older Footfall's can no longer be read, and are dropped."""

MAX_BYTES = 512 * 1024
"""About how large one part is at most."""

MIN_VALUES = 1_000
"""Values of a dimension that a window has at least for itself; ten times what the merger keeps, if more."""

MANY = 4  # so many more cells of one person, and it is worth looking for closed windows
_MOST_SEEN = 20_000  # combinations of what events have, whose values are remembered

Seen = tuple[str | None, str | None, int]
"""Channel, campaign and tier, as they are in the event and on the profile."""

Found = dict[Seen, Cell]


class _State(Struct, array_like=True):
    """What is kept beside windows and cells. `shape` is what these mean: layout, size in ms, dimensions."""

    shape: tuple[int, int, tuple[str, ...]]
    closed: int
    next_id: int


class _StoredCell(Struct, array_like=True, gc=False):
    """A Cell as it is kept."""

    start: int
    promoted: bool
    values: tuple[str, ...]
    events: int
    pageviews: int
    visits: int
    people: int
    engaged: int
    hits: dict[int, int]


class _StoredWindow(Struct, array_like=True):
    """What a Window has beside its cells, as it is kept."""

    start: int
    further: list[Further]
    occurrences: dict[int, Occurrences]


class Windows:
    """The open windows of a partition; `names` are those of key events, by number.

    A window closes once the clock has passed its end, and then `close` hands it out. The clock is `ahead` of
    the watermark by so many ms. `hold` keeps windows open that end after this time, whatever the clock says;
    nothing is corrected in those that end by `settled`.
    Without `track_changes` nothing is remembered for the changelog.
    """

    def __init__(
        self, definition: Definition, *, source: int, names: list[str], track_changes: bool = True
    ) -> None:
        engagement = definition.engagement
        self.source = source
        self.hold: int | None = None
        self.settled = BEGINNING
        self.ahead = definition.allowed_lateness_ms - engagement.lateness_ms
        self._size = engagement.window_ms
        self._names = names
        self._dimensions = Dimensions(engagement)
        self._most = max(MIN_VALUES, 10 * engagement.max_values)
        self._most_published = engagement.max_values
        self._track_changes = track_changes
        self._clock = self._closed = BEGINNING
        self._told: ClockPart | None = None
        self._open: dict[int, Window] = {}
        self._cells: dict[int, Cell] = {}
        self._next_id = 0
        self._seen: dict[Seen, tuple[str, ...]] = {}
        self._once: dict[tuple[int, ...], dict[int, int]] = {}  # one occurrence of each of these keys
        self._written: _State | None = None
        self._gone: list[bytes] = []
        # what is too late for its window goes here, and nowhere
        self._late = Cell(UNCOUNTED, Window(0, 0, plain=True), False, ())

    @property
    def late(self) -> int:
        """Events too late for their window."""
        return self._late.events

    @property
    def closed(self) -> int:
        """The end of the last window that may have been handed out, in ms."""
        return self._closed

    # -- events -----------------------------------------------------------------------------------

    def at(self, t: int, clock: int) -> tuple[int, int, Found]:
        """The window around `t` ms, from start to before end, and the cells found in it so far.

        These may be few or none: then ask `cell`. `clock` decides what is too late.
        """
        start = t - t % self._size
        end = start + self._size
        return start, end, {} if end <= clock else self._window(start).found

    def cell(self, t: int, clock: int, entry: EntryFields | None, tier: int, value: bytes) -> Cell:
        """Where an event counts: the cell of its window and values, or that of all that is too late."""
        start = t - t % self._size
        if start + self._size <= clock:
            return self._late
        window = self._window(start)
        if not window.plain:
            promoted, values = self._dimensions.of(t, entry, tier, value)
            return self._cell(window, promoted, values)
        seen = (None, None, tier) if entry is None else (entry[3], entry[0], tier)
        found = window.found.get(seen)
        if found is not None:
            return found
        known = self._seen.get(seen)
        if known is None:
            _, known = self._dimensions.of(t, entry, tier, value)
            if is_long(seen[:2]):
                return self._cell(window, False, known)
            if len(self._seen) >= _MOST_SEEN:
                self._seen.clear()
            self._seen[seen] = known
        cell = self._cell(window, False, known)
        if len(window.found) < _MOST_SEEN:
            window.found[seen] = cell
        return cell

    def count(self, cell: Cell, p: Profile, *, page: bool) -> None:
        """An event of the person."""
        cell.events += 1
        cell.pageviews += page
        if p.touched is None or cell.id not in p.touched:
            self.meet(cell, p)

    def meet(self, cell: Cell, p: Profile) -> None:
        """The person's first event in the cell."""
        if cell is self._late:
            return
        touched = p.touched
        if touched is None:
            p.touched = {cell.id: None}
            cell.people += 1
            return
        if not len(touched) % MANY and not touched.keys() <= self._cells.keys():
            self._forget(touched, BEGINNING)
        if p.last < cell.window.start and p.recent:
            cell.people += 1
        else:
            cell.window.meet(cell, self._others(cell, touched))
        touched[cell.id] = None

    def made_true(self, event: Recent, p: Profile, *, begins: bool, keys: Sequence[int], page: bool) -> None:
        """What an event of the person has made true, see Facts; whether it is a page."""
        cell = self._cells.get(event[5])
        if cell is None:
            return
        if begins:
            cell.visits += 1
        if keys and p.touched is not None:
            self.occur(cell, p, tuple(keys), event[0])
            if (page or begins) and not cell.promoted:
                for key in keys:
                    of_key = cell.window.occurrences[key]
                    of_key.pageviews += page
                    of_key.visits += begins

    def occur(self, cell: Cell, p: Profile, keys: tuple[int, ...], last: int) -> None:
        """Key events by one event of the person.

        What else the window may have of the person came by `last`, in ms.
        """
        touched = p.touched
        if cell is self._late or touched is None:
            return
        window, promoted = cell.window, cell.promoted
        own = touched.get(cell.id)
        alone = last < window.start or not any(touched.values())
        elsewhere = [] if alone else self._occurred(cell, touched)
        if elsewhere or promoted:
            for key in keys:
                window.occur(cell, touched, elsewhere, key, 1)
                if not promoted:
                    window.occurrences[key].events += 1
            return
        if own is None:
            cell.engaged += 1
            counted = self._once.get(keys)
            if counted is None:
                counted = self._once[keys] = dict.fromkeys(keys, 1)
        else:
            counted = {**own}
        hits, occurrences = cell.hits, window.occurrences
        for key in keys:
            hits[key] = hits.get(key, 0) + 1
            of_key = occurrences.get(key) or window.of_key(key)
            of_key.events += 1
            if own is None or key not in own:
                of_key.people += 1
            if own is not None:
                counted[key] = counted.get(key, 0) + 1
        touched[cell.id] = counted
        cell.changed = window.changed = True

    def correct(self, facts: Iterable[Fact], p: Profile, marks: list[Mark]) -> None:
        """What the person's events make true since an earlier one has come between them."""
        for event, before, after in facts:
            cell = self._cells.get(event[5])
            if cell is None or cell.window.end <= self.settled:
                continue
            mark = marks[event[2]]
            if before is not None:
                self._apply(event[5], p, before, mark, -1)
            self._apply(event[5], p, after, mark, 1)

    def prune(self, p: Profile, watermark: int) -> None:
        """Forget a person's cells where nothing can come any more."""
        if p.last + self._size <= watermark + self.ahead:
            p.touched = None
        elif p.touched is not None:
            self._forget(p.touched, watermark + self.ahead)

    def _forget(self, touched: Touched, clock: int) -> None:
        for cell_id in tuple(touched):
            cell = self._cells.get(cell_id)
            if cell is None or cell.window.end <= clock:
                del touched[cell_id]

    def _cell(self, window: Window, promoted: bool, values: tuple[str, ...]) -> Cell:
        cell = window.cells.get((promoted, values))
        if cell is not None:
            return cell
        if len(window.cells) >= self._most:
            values = window.capped(values, self._most, self._most_published)
            cell = window.cells.get((promoted, values))
        if cell is None:
            cell = self._cells[self._next_id] = Cell(self._next_id, window, promoted, values)
            window.add(cell)
            self._next_id += 1
        return cell

    def _apply(self, cell_id: int, p: Profile, facts: Facts, mark: Mark, change: int) -> None:
        cell, touched = self._cells.get(cell_id), p.touched
        if cell is None or touched is None:
            return
        begins = change if facts.begins else 0
        if begins:
            cell.visits += begins
            cell.changed = True
        if not facts.keys:
            return
        window, others = cell.window, self._others(cell, touched)
        for key in facts.keys:
            if window.occur(cell, touched, others, key, change) and not cell.promoted:
                window.occurrences[key].count(change, page=mark.page, begins=facts.begins)

    def _others(self, cell: Cell, touched: Touched) -> list[Cell]:
        """The person's cells of the same window that count together with `cell`."""
        if len(touched) == 1 and cell.id in touched:
            return []
        cells, window, promoted = self._cells, cell.window, cell.promoted
        return [
            other
            for cell_id in touched
            if (other := cells.get(cell_id)) is not None
            and other.window is window
            and other.promoted == promoted
            and other is not cell
        ]

    def _occurred(self, cell: Cell, touched: Touched) -> list[Cell]:
        """Of the others those in which the person has key events."""
        cells, window, promoted = self._cells, cell.window, cell.promoted
        return [
            other
            for cell_id, keys in touched.items()
            if keys
            and (other := cells.get(cell_id)) is not None
            and other.window is window
            and other.promoted == promoted
            and other is not cell
        ]

    def _window(self, start: int) -> Window:
        window = self._open.get(start)
        if window is None:
            end, dimensions = start + self._size, self._dimensions
            plain = dimensions.plain and not dimensions.in_promotion(start, end)
            window = self._open[start] = Window(start, end, plain=plain)
        return window

    # -- time -------------------------------------------------------------------------------------

    def reach(self, clock: int) -> None:
        """The window clock, in ms; it never goes back."""
        self._clock = max(self._clock, clock)

    def close(self) -> Iterator[bytes]:
        """Hand out the windows that the clock has passed, in order of time."""
        until = self._clock if self.hold is None else min(self._clock, self.hold)
        if until == BEGINNING:
            return
        self._closed = max(self._closed, until - until % self._size)
        for start in sorted(start for start in self._open if start < self._closed):
            window = self._open.pop(start)
            yield from self._parts(window, final=True)
            for cell in window.cells.values():
                del self._cells[cell.id]
            if self._track_changes:
                self._gone += [_cell_key(cell.id) for cell in window.cells.values() if cell.written]
                if window.kept:
                    self._gone.append(_window_key(start))
            window.drop()

    def clock_part(self, day: int | None) -> bytes | None:
        """What to tell of windows closed and of the last day that has ended, where that is news."""
        if self._closed == BEGINNING:
            return None
        part = ClockPart(self.source, self._closed, day)
        if part == self._told:
            return None
        self._told = part
        return encode_part(part)

    def provisional(self) -> Iterator[bytes]:
        """The open windows as they are."""
        for start in sorted(self._open):
            yield from self._parts(self._open[start], final=False)

    def _parts(self, window: Window, *, final: bool) -> Iterator[bytes]:
        if window.cells:
            rows = window.rows(self._dimensions.names, self._names)
            yield from self._split(window.start, final, list(rows.items()))

    def _split(self, start: int, final: bool, rows: list[tuple[str, Sums]]) -> Iterator[bytes]:
        data = encode_part(WindowPart(self.source, start, final, dict(rows)))
        if len(data) <= MAX_BYTES or len(rows) == 1:
            yield data
            return
        half = len(rows) // 2
        yield from self._split(start, final, rows[:half])
        yield from self._split(start, final, rows[half:])

    # -- what is kept -----------------------------------------------------------------------------

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Changelog records since last taken: key, value (None deletes)."""
        for key in self._gone:
            yield key, None
        self._gone = []
        for window in self._open.values():
            if window.changed:
                window.changed, window.kept = False, True
                stored = _StoredWindow(window.start, window.further, window.occurrences)
                yield _window_key(window.start), _encode(stored)
            for cell in window.cells.values():
                if cell.changed or cell.events != cell.written:
                    cell.changed, cell.written = False, cell.events
                    yield _cell_key(cell.id), _encode(_stored(cell))
        state = _State(self._shape, self._closed, self._next_id)
        if state != self._written and (self._next_id or self._closed != BEGINNING):
            self._written = state
            yield WINDOWS_PREFIX, _encode(state)

    def restore(self, records: dict[bytes, bytes]) -> None:
        """Go on where the changelog's records say that a partition was; before the first event.

        What was counted with another window or other dimensions is dropped: series begin anew.
        """
        if WINDOWS_PREFIX not in records:
            return
        state = _decode_state(records[WINDOWS_PREFIX])
        self._written, self._next_id = state, state.next_id
        if state.shape != self._shape:
            self._gone += [key for key in records if key != WINDOWS_PREFIX]
            return
        self._closed = state.closed
        for key in sorted(records):
            if key.startswith(_CELL):
                self._restore_cell(int.from_bytes(key[2:], "big"), _decode_cell(records[key]))
            elif key.startswith(_WINDOW):
                stored = _decode_window(records[key])
                window = self._window(stored.start)
                window.further, window.occurrences = stored.further, stored.occurrences
                window.kept = True

    def _restore_cell(self, cell_id: int, stored: _StoredCell) -> None:
        window = self._window(stored.start)
        cell = self._cells[cell_id] = Cell(cell_id, window, stored.promoted, stored.values)
        cell.events = cell.written = stored.events
        cell.pageviews, cell.visits = stored.pageviews, stored.visits
        cell.people, cell.engaged, cell.hits = stored.people, stored.engaged, stored.hits
        cell.changed = False
        window.add(cell)

    @property
    def _shape(self) -> tuple[int, int, tuple[str, ...]]:
        return _LAYOUT, self._size, self._dimensions.names


def _stored(cell: Cell) -> _StoredCell:
    return _StoredCell(
        cell.window.start,
        cell.promoted,
        cell.values,
        cell.events,
        cell.pageviews,
        cell.visits,
        cell.people,
        cell.engaged,
        cell.hits,
    )


def _cell_key(cell_id: int) -> bytes:
    return _CELL + cell_id.to_bytes(8, "big")


def _window_key(start: int) -> bytes:
    return _WINDOW + (start + _START_ZERO).to_bytes(8, "big")


_encode = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(_State).decode
_decode_cell = msgspec.msgpack.Decoder(_StoredCell).decode
_decode_window = msgspec.msgpack.Decoder(_StoredWindow).decode
