"""One input partition: a fetched batch goes in, records to publish and changed profiles come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import NamedTuple

from stream.core.activity import Named
from stream.core.admission import Admission
from stream.core.calendar import Segment
from stream.core.clock import Newest
from stream.core.counts import Counts
from stream.core.definition import Definition
from stream.core.engagement.cells import Cell
from stream.core.engagement.windows import MANY, Found
from stream.core.events import Invalid, Wire, entry_of, read
from stream.core.holding import Holding
from stream.core.joining import to_join
from stream.core.keeping import ColdStore
from stream.core.profile import CHURNED, NEVER, UNCOUNTED, Profile, Recent
from stream.core.publishing import Output, Source
from stream.core.visits import MAX_DETAILED

__all__ = ["Counts", "Output", "Partition"]

_FOREVER = 2**63


class Admitted(NamedTuple):
    """That a Router has judged the records of a batch.

    `watermark` was its own then: what a join sees as closed. `floor` is the watermark up to which the
    persons of the batch have been brought. Without `joins` nobody is joined, whatever an event says.
    `window_clock` is given where the records came too late for their windows.
    """

    floor: int
    watermark: int
    joins: bool = True
    window_clock: int | None = None


class Partition(Holding):
    """Reads the records of one input partition. Deterministic: no clock, no chance.

    `owns` says whether a person id lives in this partition (None: all do). `newest` is shared between the
    partitions of a replay. The other options are of what it holds.
    """

    def __init__(
        self,
        definition: Definition,
        *,
        topic: str = "",
        number: int = 0,
        owns: Callable[[str], bool] | None = None,
        newest: Newest | None = None,
        track_changes: bool = True,
        store: ColdStore | None = None,
        hot_limit: int = 100_000,
        most_due: int | None = None,
    ) -> None:
        super().__init__(
            definition,
            topic=topic,
            number=number,
            track_changes=track_changes,
            store=store,
            hot_limit=hot_limit,
            most_due=most_due,
        )
        self._owns = owns
        self._admission = Admission(definition, newest or Newest())
        self._admitted: Admitted | None = None
        self._today = Segment(0, 0, 0, 0)

    def process(
        self,
        values: Sequence[bytes | None],
        *,
        keys: Sequence[bytes | None] | None,
        offsets: Sequence[int],
        arrived_ms: Sequence[int] | None,
        admitted: Admitted | None = None,
    ) -> None:
        """Work off one fetched batch, in order; never raises on what a record holds.

        Without `keys` no key is checked. `arrived_ms` are the records' Kafka times; without them `future`
        is judged by `receivedAt`, or else by the newest event of the whole replay. What was `admitted` by
        a Router is not judged again, and does not move the watermark.
        """
        counts, admission, persons = self._counts, self._admission, self._persons
        lateness = self.definition.allowed_lateness_ms if admitted is None else _FOREVER
        self._admitted = admitted
        keyed = keys is not None and self.definition.keyed
        unstamped = arrived_ms is None and admitted is None
        by_path, max_future = self.definition.input_key is not None, self.definition.max_future_ms
        hot, find, changed = persons.hot, persons.profiles.get, persons.changed
        go_on = persons.following.go_on
        activity = self._activity
        named_of, mark_of = activity.named, activity.mark
        tracks, fixed = activity.tracks, activity.fixed
        gap, longest = self.definition.visit_gap_ms, self.definition.visit_max_ms
        specials = persons.cutter.specials
        windows, timers, due = self._windows, self._timers, self._due
        due.begin()
        behind = due.behind
        today = self._today
        midnight, tomorrow, _, reached = today
        day_cells = self.days.cells(reached)
        opens = ends = clock = applied = 0
        cells: Found = {}
        watermark, newest = self._watermark, self._newest
        in_turn = zip(offsets, values, keys or repeat(None), arrived_ms or repeat(_FOREVER), strict=False)
        for offset, value, key, arrived in in_turn:
            try:
                wire, t, person = read(value)
                assert value is not None
                if keyed and (by_path or key != person.encode()):
                    admission.check_key(key, person, value)
                if t > arrived + max_future:
                    admission.check_arrival(t, arrived)
                elif unstamped:
                    admission.check_replay(wire, t)
            except Invalid as invalid:
                counts.dead[invalid.reason] += 1
                source = Source(self.topic, self.number, offset, key, value)
                self._publisher.dead_letter(source, invalid)
                continue
            named = fixed.get(wire.type) or tracks.get(wire.event) or named_of(wire)
            if named.ignored:
                counts.ignored += 1
                continue
            if t < watermark and admitted is None:
                counts.late += 1
                source = Source(self.topic, self.number, offset, key, value)
                self._publisher.late(
                    source, message_id=wire.message_id or "", person=person, t=t, watermark=watermark
                )
                continue
            if t > newest:
                newest = t
                if t - lateness > watermark:
                    self._watermark = watermark = t - lateness
                    if watermark > timers.next:
                        behind = due.fire(watermark)
            if not midnight <= t < tomorrow:
                today = self._today = self._calendar.segment(t)
                midnight, tomorrow, _, reached = today
                day_cells = self.days.cells(reached)
            number, amounts = named.plain, None
            if number is None:
                number, amounts = mark_of(named, value)
            entry = entry_of(wire)
            if behind:
                due.catch_up(person)
            p = hot.get(person)
            if p is None:
                p = find(person)
            # In order, so no repeat either: that would have the same time. And the state is of today.
            if (
                p is not None
                and t > p.last
                and reached < p.due != NEVER
                and p.redirect is None
                and named.ordinary
            ):
                applied += 1
                if not opens <= t < ends:
                    clock = self._window_clock()
                    opens, ends, cells = windows.at(t, clock)
                channel, campaign = (None, None) if entry is None else (entry[3], entry[0])
                cell = cells.get((channel, campaign, p.tier)) or windows.cell(t, clock, entry, p.tier, value)
                cell.events += 1
                if named.page:
                    cell.pageviews += 1
                recent, cell_id = p.recent, cell.id
                if not recent or recent[-1][5] != cell_id:
                    touched = p.touched
                    if touched is None or cell_id not in touched:
                        # the usual case of `meet`: in the window, which is not over, the person had no event
                        if touched and p.last < opens and recent and cell_id >= 0 and len(touched) % MANY:
                            cell.people += 1
                            touched[cell_id] = None
                        else:
                            windows.meet(cell, p)
                event = (t, wire.message_id or "", number, entry, amounts, cell_id)
                if (
                    named.quiet
                    and p.open
                    and t - p.last <= gap
                    and not (visit := p.open[-1]).pending
                    and t - visit.start <= longest
                    and p.state < CHURNED
                    # what a day counts but once, the visit's first event has been counted for
                    and visit.start >= midnight
                    and channel == (None if visit.entry is None else visit.entry[3])
                    and (day_cell := day_cells.get(channel)) is not None
                    and (
                        not named.page
                        or visit.pages != 1
                        or (not specials if visit.hits else not visit.passive)  # becoming no bounce
                    )
                ):
                    recent.append(event)
                    day_cell.ms += t - visit.last
                    p.last = visit.last = t
                    visit.events += 1
                    if named.page:
                        if visit.pages == 1 and not visit.hits:
                            day_cell.bounces -= 1
                        visit.pages += 1
                        day_cell.pages += 1
                        day_cell.pageviews += 1
                    changed[person] = None
                else:
                    go_on(person, p, event, today, named, cell, day_cells.get(channel))
                if not len(recent) % MAX_DETAILED:
                    persons.trim(p, watermark if admitted is None else admitted.floor)
                continue
            event = (t, wire.message_id or "", number, entry, amounts, UNCOUNTED)
            self._arrive(person, p, wire, event, named, value)
            if self._window_clock() >= ends:
                opens = ends = 0
        self._newest = newest
        counts.applied += applied
        self._reach()
        if not self._track_changes:
            persons.changed.clear()
            persons.erased.changed.clear()

    def _arrive(
        self, person: str, known: Profile | None, wire: Wire, event: Recent, named: Named, value: bytes
    ) -> None:
        """An event that is neither late nor plainly the next of a visit; `known` is the id's profile."""
        persons = self._persons
        t, message_id = event[:2]
        behind = self._due.behind
        if known is None and not persons.erased.waiting and not named.deletes:
            self._meet(person, wire, event, named, value)
            return
        read_as, person = person, persons.redirects.resolve(person, t)
        # a life of the anonymous id may have been erased before it was joined
        joined = read_as != person
        if persons.is_repeat(person, t, message_id) or (joined and persons.is_repeat(read_as, t, message_id)):
            self._counts.duplicate += 1
            return
        self._counts.applied += 1
        if joined and behind:
            self._due.catch_up(person)
        if persons.erased.takes(person, (t, message_id)):
            return
        if joined and persons.erased.takes(read_as, (t, message_id)):
            return
        if named.deletes:
            if behind:
                self._due.catch_up_aliases(person)
            if self._admitted is not None:
                persons.close_over(person, self._admitted.watermark, self._admitted.floor)
            cell = self._count(persons.awake(person, t), event, value, named)
            persons.delete(person, (*event[:5], cell.id), named)
            return
        p = persons.awake(person, t)
        cell = self._count(p, event, value, named)
        took_over = self._join(person, p, wire, t)
        persons.apply(person, p, wire, (*event[:5], cell.id), named, value, took_over=took_over)
        if len(p.recent) % MAX_DETAILED == 0:
            persons.trim(p, self._watermark if self._admitted is None else self._admitted.floor)

    def _meet(self, person: str, wire: Wire, event: Recent, named: Named, value: bytes) -> None:
        """The first event of an id of which nothing at all is known, and no deletion."""
        persons = self._persons
        self._counts.applied += 1
        t, message_id, number, entry, amounts, _ = event
        p = persons.begin(person)
        cell = self._count(p, event, value, named)
        event = (t, message_id, number, entry, amounts, cell.id)
        took_over = self._join(person, p, wire, t)
        today = self._calendar.segment(t)
        day_cell = self.days.cells(today.reached).get(None if entry is None else entry[3])
        if day_cell is None or took_over or not named.quiet or persons.cutter.specials:
            persons.apply(person, p, wire, event, named, value, took_over=took_over)
        elif wire.user_id is None:
            persons.newcomers.prospect(person, p, event, today, named, cell, day_cell)
        else:
            persons.newcomers.user(person, p, event, today, named, cell, day_cell, value)

    def _join(self, person: str, p: Profile, wire: Wire, t: int) -> bool:
        """Join the anonymous person that the event says is its user; True where that was a prospect."""
        admitted = self._admitted
        anonymous = self._to_join(wire) if admitted is None or admitted.joins else None
        if anonymous is None:
            return False
        if self._owns is not None and self.definition.input_key is None and not self._owns(anonymous):
            self._counts.unjoined += 1
            return False
        self._counts.joined += 1
        if self._due.behind:
            self._due.catch_up(anonymous)
            self._due.catch_up_aliases(person)
        watermark = floor = self._watermark
        if admitted is not None:
            watermark, floor = admitted.watermark, admitted.floor
        return self._persons.redirects.join(person, p, anonymous, t, watermark=watermark, floor=floor)

    def _count(self, p: Profile, event: Recent, value: bytes, named: Named) -> Cell:
        """Count the event in its window, and where that is."""
        windows, clock = self._windows, self._window_clock()
        cell = windows.cell(event[0], clock, event[3], p.tier, value)
        windows.count(cell, p, page=named.page)
        windows.settled = clock
        return cell

    def _window_clock(self) -> int:
        """Windows that end by this time, in ms, are closed for the records at hand."""
        admitted = self._admitted
        if admitted is None:
            return self._watermark + self._windows.ahead
        closed = self._windows.closed
        return closed if admitted.window_clock is None else max(closed, admitted.window_clock)

    def _to_join(self, wire: Wire) -> str | None:
        """The anonymous person that the event joins to its user."""
        ids = to_join(wire)
        if ids is None:
            return None
        anonymous, previous = ids
        known = None if previous is None else self._persons.profiles.get(previous)
        return None if known is not None and known.registered is not None else anonymous
