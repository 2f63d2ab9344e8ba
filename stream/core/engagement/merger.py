"""All partitions' sums of windows and days, merged into what is published and judged (SPEC 6, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct

from stream.core import records
from stream.core.calendar import Calendar
from stream.core.definition import SECOND, Definition
from stream.core.engagement.capping import Capping
from stream.core.engagement.closing import Closing, Progress
from stream.core.engagement.control import Control
from stream.core.engagement.emptiness import LastSeen
from stream.core.engagement.partials import DayPart, Part, WindowPart
from stream.core.engagement.parts import OpenWindows, Rows
from stream.core.engagement.report import Reports
from stream.core.engagement.rows import Row, row_of, weights_of
from stream.core.engagement.watching import Watch
from stream.core.engagement.window_records import Bands, WindowRecords
from stream.core.publishing import Output

VERSION = 1
PROVISIONAL_EVERY_MS = 10 * SECOND
MOST_PROVISIONAL = 10
"""Open windows that are shown before they close: where one partition is far behind there are very many."""
SLICE_ROWS = 100
"""Rows that one call closes, or a few more: judging them takes some 10 ms."""
DAY_ROWS = 20
"""What closing a day counts in that."""

Changes = Iterable[tuple[str, bytes | None]]


class Verdict(Protocol):
    """What a watch found in a window."""

    @property
    def bands(self) -> Bands: ...
    @property
    def incidents(self) -> Sequence[records.Incident]: ...


class Watcher(Protocol):
    """Judges windows and days, which come in order of time; with gaps where nothing was published."""

    def window(self, start_ms: int, rows: Mapping[str, Row]) -> Verdict: ...
    def peek(self, start_ms: int, rows: Mapping[str, Row]) -> Sequence[records.Incident]: ...
    def day(self, daily: records.Daily) -> Sequence[records.Incident]: ...
    def control(self, control: Control) -> Sequence[records.Incident]: ...
    def open(self) -> Sequence[records.Incident]: ...
    def changes(self) -> Changes: ...
    def restore(self, key: str, value: bytes) -> None: ...
    def restored(self) -> None: ...


class Reporter(Protocol):
    """Adds up the days, which are closed in order of time."""

    def part(self, part: DayPart) -> None: ...
    def close(self, day: int) -> records.Daily: ...
    def changes(self) -> Changes: ...
    def restore(self, key: str, value: bytes) -> None: ...


class Counts(Struct):
    """What has been taken in, and published as final, since the merger was made."""

    parts: int = 0
    windows: int = 0
    rows: int = 0
    incidents_opened: int = 0
    days: int = 0


class _Head(Struct, array_like=True):
    version: int
    progress: Progress


class _Keeper(NamedTuple):
    """Somebody whose state is kept under keys with a prefix of their own."""

    prefix: str
    who: Watcher | Reporter | Capping | LastSeen


class Merger:
    """One for the whole product, fed by `sources` partitions. Deterministic: no clock, no chance.

    Parts of several sources may come in any mixture, each source's in its order; repeats change nothing.
    What is published as final depends on the parts alone. Many windows may become due at once: `process`
    closes a slice of them, the rest is for `work`. `track_changes=False` spares a replay the list of what
    has changed, and then nothing can be taken or restored.
    """

    def __init__(
        self,
        definition: Definition,
        *,
        sources: int,
        watch: Watcher | None = None,
        reports: Reporter | None = None,
        track_changes: bool = True,
    ) -> None:
        self.counts = Counts()
        self._definition = definition
        self._window_ms = definition.engagement.window_ms
        self._weights = weights_of(definition)
        self._calendar = Calendar(definition.timezone)
        self._sources = sources
        self._watch: Watcher = watch or Watch(definition, step_ms=self._window_ms)
        self._reports: Reporter = reports or Reports(definition)
        self._open = OpenWindows(track_changes=track_changes)
        self._closing = Closing(definition, self._calendar, sources=sources)
        self._capping = Capping(definition, self._calendar)
        self._seen = LastSeen()
        self._records = WindowRecords(definition.engagement_hash(), self._window_ms)
        self._outputs: list[Output] = []
        self._kept: dict[bytes, bytes] = {}
        self._changed: dict[bytes, bytes | None] = {}
        self._keepers = (
            _Keeper("cap/", self._capping),
            _Keeper("report/", self._reports),
            _Keeper("seen/", self._seen),
            _Keeper("watch/", self._watch),
        )
        self._shown_at: int | None = None
        self._to_show: set[int] = set()
        self._foretold: dict[str, int] = {}
        self._last_daily: records.Daily | None = None

    # -- what it knows ----------------------------------------------------------------------------

    @property
    def closed_ms(self) -> int | None:
        """The end of the last window that closed; None before the first."""
        return self._closing.progress.next_window

    def open_incidents(self) -> Sequence[records.Incident]:
        """The last record of each that is open, without what was only said in advance."""
        return self._watch.open()

    @property
    def last_daily(self) -> records.Daily | None:
        """The report of the last day that closed."""
        return self._last_daily

    # -- what it does -----------------------------------------------------------------------------

    def process(self, values: Sequence[bytes]) -> None:
        """Take in encoded parts, and close some of what may. Raises ValueError for a newer version's."""
        for value in values:
            try:
                part = _decode(value)
            except msgspec.DecodeError as error:
                raise ValueError(f"a part of a newer version, or none at all: {error}") from error
            self._take(part)
        self.counts.parts += len(values)
        self.work()

    def work(self) -> bool:
        """Do a slice of closing, some milliseconds' worth; True while more is left."""
        rows = 0
        while rows < SLICE_ROWS:
            due = self._closing.due(self._open.earliest)
            if due is None:
                return False
            rows += self._close_window(due.at) if due.what == "window" else self._close_day(due.at)
        return self._closing.due(self._open.earliest) is not None

    def provisional(self, now_ms: int) -> None:
        """Publish the newest open windows that have changed, if that was 10 s ago by the wall clock."""
        if self._shown_at is not None and now_ms - self._shown_at < PROVISIONAL_EVERY_MS:
            return
        self._shown_at = now_ms
        to_show, self._to_show = self._to_show, set()
        for start in sorted(to_show)[-MOST_PROVISIONAL:]:
            if not self._closing.is_closed(start):
                self._show(start)

    def take_outputs(self) -> list[Output]:
        """The records to publish since last taken, in order."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def _take(self, part: Part | Control) -> None:
        if isinstance(part, Control):
            self._publish(self._watch.control(part))
            return
        if not 0 <= part.source < self._sources:
            return
        if isinstance(part, WindowPart):
            known = self._closing.is_closed(part.start) or part.start % self._window_ms != 0
            if not known and self._open.add(part):
                self._to_show.add(part.start)
        elif isinstance(part, DayPart):
            self._closing.hear_of_day(part.day)
            self._reports.part(part)
        else:
            self._closing.hear_clock(part.source, part.clock, part.day)

    def _close_window(self, start: int) -> int:
        sums = _with_something(self._open.close(start))
        capped = self._capping.fold(start, sums)
        rows = self._seen.fill(start, self._rows(capped), self._capping.keeps)
        self._closing.window_closed(start, busy=bool(sums))
        verdict = self._watch.window(start, rows)
        self._outputs += self._records.of(start, rows, verdict.bands, status="final")
        self._publish(verdict.incidents)
        self.counts.windows += 1
        self.counts.rows += len(rows)
        self._to_show.discard(start)
        if self._foretold:
            self._foretold = {name: at for name, at in self._foretold.items() if at > start}
        return len(rows)

    def _close_day(self, day: int) -> int:
        self._closing.day_closed(day)
        daily = self._reports.close(day)
        encoded = records.encode(daily)
        self._outputs.append(Output("daily", daily.day.encode(), encoded))
        self._last_daily = daily
        self._keep(_DAILY, encoded)
        self._publish(self._watch.day(daily))
        self.counts.days += 1
        return DAY_ROWS

    def _show(self, start: int) -> None:
        sums = _with_something(self._open.rows(start))
        capped = self._capping.peek(start, sums)
        rows = self._seen.peek(start, self._rows(capped))
        self._outputs += self._records.of(start, rows, {}, status="provisional")
        for incident in self._watch.peek(start, rows):
            if incident.record_id not in self._foretold:
                self._foretold[incident.record_id] = start
                self._outputs.append(_output(incident))

    def _rows(self, sums: Rows) -> dict[str, Row]:
        return {series: row_of(of, self._weights) for series, of in sums.items()}

    def _publish(self, incidents: Sequence[records.Incident]) -> None:
        for incident in incidents:
            self._outputs.append(_output(incident))
            self.counts.incidents_opened += incident.status == "opened"

    # -- what it keeps ----------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Changelog records since last taken: key, value (None deletes)."""
        self._collect()
        changed, self._changed = self._changed, {}
        return list(changed.items())

    def keys(self) -> Iterator[bytes]:
        """All keys that have a value."""
        self._collect()
        return iter(list(self._kept))

    def value(self, key: bytes) -> bytes | None:
        """What the changelog would hold under a key now."""
        self._collect()
        return self._kept.get(key)

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take in one changelog record, in log order."""
        if value is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = value

    def restored(self) -> None:
        """After the last changelog record. Raises ValueError where a newer version has written it."""
        for key in sorted(self._kept):
            if not self._take_up(key.decode(), self._kept[key]):
                self._keep(key, None)
        self._watch.restored()
        self._to_show.update(self._open.starts())

    def _collect(self) -> None:
        for prefix, who in self._keepers:
            for key, value in who.changes():
                self._keep((prefix + key).encode(), value)
        for key, value in self._open.changes():
            self._keep((_WINDOW + key).encode(), value)
        head = _encode(_Head(VERSION, self._closing.progress))
        if head != self._kept.get(_HEAD):
            self._keep(_HEAD, head)

    def _keep(self, key: bytes, value: bytes | None) -> None:
        self._changed[key] = value
        self.restore(key, value)

    def _take_up(self, key: str, value: bytes) -> bool:
        """False where it is of no use any more."""
        if key == _HEAD.decode():
            self._go_on_from(_decode_head(value))
            return True
        kind, _, rest = key.partition("/")
        if kind == "window":
            return self._open.restore(value, self._window_ms)
        for prefix, who in self._keepers:
            if key.startswith(prefix):
                who.restore(rest, value)
                return True
        if key == _DAILY.decode():
            with suppress(msgspec.DecodeError):  # of a version that had less to say: shown with the next day
                self._last_daily = _decode_daily(value)
            return True
        return False

    def _go_on_from(self, head: _Head) -> None:
        if head.version > VERSION:
            raise ValueError(f"written by a newer version: {head.version}, this one knows {VERSION}")
        self._closing.go_on_from(head.progress)


def _with_something(rows: Rows) -> Rows:
    """Without the series in which, after all, nothing happened."""
    return {series: sums for series, sums in rows.items() if sums.events or sums.promoted_people}


def _output(incident: records.Incident) -> Output:
    return Output("incidents", incident.series.encode(), records.encode(incident))


_WINDOW = "window/"
_HEAD = b"head"
_DAILY = b"daily"
_decode = msgspec.msgpack.Decoder(Part | Control).decode
_decode_daily = msgspec.json.Decoder(records.Daily).decode
_decode_head = msgspec.msgpack.Decoder(_Head).decode
_encode = msgspec.msgpack.Encoder().encode
