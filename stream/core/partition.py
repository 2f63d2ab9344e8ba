"""One input partition: a fetched batch goes in, records to publish and changed profiles come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from stream.core.activity import Activity, Vocabulary
from stream.core.admission import Admission
from stream.core.calendar import Calendar, Segment
from stream.core.clock import BEGINNING, Newest, Timers
from stream.core.counts import Counts
from stream.core.definition import Definition
from stream.core.events import Invalid, Wire, entry_of, read
from stream.core.explaining import describe, explain
from stream.core.joining import to_join
from stream.core.moving import unpack
from stream.core.persons import Persons
from stream.core.profile import (
    CHURNED,
    NEVER,
    Erased,
    Profile,
    Progress,
    Recent,
    decode,
    decode_erased,
    decode_progress,
    encode,
    encode_erased,
    encode_progress,
)
from stream.core.publishing import Output, Publisher, Source
from stream.core.records import Explanation, Person
from stream.core.visits import MAX_DETAILED

__all__ = ["Counts", "Output", "Partition"]

_JOINING = ("identify", "alias")
_FOREVER = 2**63
_PROGRESS_KEY = b"\xff"  # no person's id: those are UTF-8
_ERASED_PREFIX = b"\xfe"
_NOT_OURS = (b"\xfb", b"\xfa", b"\xf9")  # what RekeyedPartition and the engine keep of their own


class Admitted(NamedTuple):
    """That a Router has judged the records of a batch.

    `watermark` was its own then: what a join sees as closed. `floor` is the watermark up to which the
    persons of the batch have been brought. Without `joins` nobody is joined, whatever an event says.
    """

    floor: int
    watermark: int
    joins: bool = True


class Partition:
    """Persons, visits, watermark and timers of one input partition. Deterministic: no clock, no chance.

    `owns` says whether a person id lives in this partition (None: all do). `newest` is shared between the
    partitions of a replay; `track_changes=False` spares a replay the list of changed profiles.
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
    ) -> None:
        self.definition = definition
        self.topic = topic
        self.number = number
        self._owns = owns
        self._admission = Admission(definition, newest or Newest())
        self._track_changes = track_changes
        self._calendar = Calendar(definition.timezone)
        self._today = Segment(0, 0, 0, 0)
        self._counts = Counts()
        self._watermark = BEGINNING
        self._newest = BEGINNING
        self._written: Progress | None = None
        self.held: Collection[str] = ()
        self._start(Vocabulary())

    def _start(self, vocabulary: Vocabulary) -> None:
        self._activity = Activity(self.definition, vocabulary)
        self._timers = Timers(self._calendar)
        self._publisher = Publisher(self.definition, self._activity)
        self._persons = Persons(
            self.definition,
            activity=self._activity,
            calendar=self._calendar,
            timers=self._timers,
            publisher=self._publisher,
        )

    # -- what it knows ----------------------------------------------------------------------------

    @property
    def watermark(self) -> int | None:
        """In ms; None before the first event."""
        return None if self._watermark == BEGINNING else self._watermark

    @property
    def newest(self) -> int | None:
        """The greatest time of an applied event, in ms; None before the first."""
        return None if self._newest == BEGINNING else self._newest

    @property
    def counts(self) -> Counts:
        """Counters since the partition was opened."""
        self._counts.visits = self._persons.visits
        self._counts.transitions = Counter(self._persons.transitions)
        return self._counts

    def __len__(self) -> int:
        """Profiles held: persons, and anonymous ids that lead to one."""
        return len(self._persons.profiles)

    def people(self) -> Iterator[Person]:
        """Registered persons by id, as of the watermark."""
        for person in sorted(self._persons.profiles):
            profile = self._persons.profiles[person]
            if profile.registered is not None:
                yield describe(self._view(), person, profile)

    def explain(self, person: str) -> Explanation | None:
        """A person's state and the evidence for it; None for one never seen, forgotten or erased."""
        person = self._persons.resolve(person, self._watermark)
        profile = self._persons.profiles.get(person)
        return None if profile is None else explain(self._view(), person, profile)

    # -- what it does -----------------------------------------------------------------------------

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
        counts = self._counts
        lateness = self.definition.allowed_lateness_ms if admitted is None else _FOREVER
        self._admitted = admitted
        admission = self._admission
        keyed = keys is not None and self.definition.keyed
        persons = self._persons
        profiles = persons.profiles
        named_of = self._activity.named
        tracks, fixed = self._activity.tracks, self._activity.fixed
        mark_of = self._activity.mark
        changed = persons.changed
        gap, longest = self.definition.visit_gap_ms, self.definition.visit_max_ms
        timers = self._timers
        today = self._today
        for i, value in enumerate(values):
            try:
                wire, t, person = read(value)
                assert value is not None
                if keyed:
                    admission.check_key(keys[i], person, value)  # type: ignore[index]
                if arrived_ms is not None:
                    admission.check_arrival(t, arrived_ms[i])
                elif admitted is None:
                    admission.check_replay(wire, t)
            except Invalid as invalid:
                counts.dead[invalid.reason] += 1
                source = Source(self.topic, self.number, offsets[i], keys[i] if keys else None, value)
                self._publisher.dead_letter(source, invalid)
                continue
            named = fixed.get(wire.type) or tracks.get(wire.event) or named_of(wire)
            if named.ignored:
                counts.ignored += 1
                continue
            if t < self._watermark and admitted is None:
                counts.late += 1
                source = Source(self.topic, self.number, offsets[i], keys[i] if keys else None, value)
                self._publisher.late(
                    source,
                    message_id=wire.message_id or "",
                    person=person,
                    t=t,
                    watermark=self._watermark,
                )
                continue
            if t > self._newest:
                self._newest = t
                if t - lateness > self._watermark:
                    self._watermark = t - lateness
                    if self._watermark > timers.next:
                        self._fire()
            if not today.start <= t < today.end:
                today = self._today = self._calendar.segment(t)
            number, amounts = (named.plain, None) if named.plain is not None else mark_of(named, value)
            event = (t, wire.message_id or "", number, entry_of(wire), amounts)
            p = profiles.get(person)
            # In order, so no repeat either: that would have the same time. And the state is of today.
            if (
                p is not None
                and t > p.last
                and today.reached < p.due != NEVER
                and p.redirect is None
                and not named.deletes
                and wire.type not in _JOINING
            ):
                counts.applied += 1
                visit = p.open[-1] if p.open else None
                if (
                    visit is not None
                    and named.quiet
                    and not visit.pending
                    and t - p.last <= gap
                    and t - visit.start <= longest
                    and p.state < CHURNED
                    and today.day >= p.last_day
                ):
                    p.recent.append(event)
                    p.last = visit.last = t
                    p.last_day = today.day
                    visit.events += 1
                    visit.pages += named.page
                    changed[person] = None
                else:
                    persons.go_on(person, p, event, today)
                if len(p.recent) % MAX_DETAILED == 0:
                    persons.trim(p, self._watermark if admitted is None else admitted.floor)
                continue
            self._arrive(person, wire, event, value, deletes=named.deletes)
        if not self._track_changes:
            persons.changed.clear()
            persons.changed_erased.clear()

    def advance(self, watermark_ms: int) -> None:
        """Move the watermark on (the idle rule, the end of a replay); it never goes back."""
        if watermark_ms > self._watermark:
            self._watermark = watermark_ms
            self._fire()

    def take_outputs(self) -> list[Output]:
        """The records to publish since last taken, in order."""
        outputs, self._publisher.outputs = self._publisher.outputs, []
        return outputs

    def _arrive(self, person: str, wire: Wire, event: Recent, value: bytes, *, deletes: bool) -> None:
        """An event that is neither late nor plainly the next of an open visit."""
        persons = self._persons
        t, message_id = event[:2]
        read_as, person = person, persons.resolve(person, t)
        # a life of the anonymous id may have been erased before it was joined
        joined = read_as != person
        if persons.is_repeat(person, t, message_id) or (joined and persons.is_repeat(read_as, t, message_id)):
            self._counts.duplicate += 1
            return
        self._counts.applied += 1
        if persons.falls_to_erased(person, t, message_id):
            return
        if joined and persons.falls_to_erased(read_as, t, message_id):
            return
        if deletes:
            if self._admitted is not None:
                persons.close_over(person, self._admitted.watermark)
            persons.delete(person, t, message_id)
            return
        p = persons.awake(person, t)
        took_over = False
        admitted = self._admitted
        anonymous = self._to_join(wire) if admitted is None or admitted.joins else None
        if anonymous is not None:
            if self._owns is None or self.definition.input_key is not None or self._owns(anonymous):
                self._counts.joined += 1
                watermark = self._watermark if admitted is None else admitted.watermark
                took_over = persons.join(person, p, anonymous, t, watermark)
            else:
                self._counts.unjoined += 1
        persons.apply(person, p, wire, event, value, took_over=took_over)
        if len(p.recent) % MAX_DETAILED == 0:
            persons.trim(p, self._watermark if admitted is None else admitted.floor)

    def _to_join(self, wire: Wire) -> str | None:
        """The anonymous person that the event joins to its user."""
        ids = to_join(wire)
        if ids is None:
            return None
        anonymous, previous = ids
        known = None if previous is None else self._persons.profiles.get(previous)
        return None if known is not None and known.registered is not None else anonymous

    def _fire(self) -> None:
        """Close visits and evaluate midnights up to the watermark, in time order."""
        watermark, timers, persons = self._watermark, self._timers, self._persons
        while True:
            while (name := timers.next_close(watermark)) is not None:
                if name not in self.held:
                    persons.close_due(name, watermark)
            midnight = timers.next_midnight(watermark)
            if midnight is None:
                return
            instant, day, due = midnight
            for person in due:
                if person not in self.held:
                    persons.at_midnight(person, instant, day)

    # -- for a RekeyedPartition -------------------------------------------------------------------

    @property
    def vocabulary(self) -> Vocabulary:
        """The numbers in the profiles of this partition."""
        return self._activity.vocabulary

    def day_of(self, t: int) -> int:
        """The latest local date that has begun by `t` ms."""
        return self._calendar.reached(t)

    def profile(self, person: str) -> Profile | None:
        """What is known under an id; not to be changed."""
        return self._persons.profiles.get(person)

    def resolve(self, person: str, t: int) -> str:
        """The person that an id stands for at `t` ms: the user, for an anonymous id that was joined."""
        return self._persons.resolve(person, t)

    def lead_on(self, person: str, until: int) -> None:
        """Remember up to this day where an id has moved."""
        self._persons.lead_on(person, until)

    def give_away(self, person: str, to: int, until: int) -> tuple[Profile | None, Erased | None]:
        """Move an id to partition `to`, and remember that up to this day."""
        return self._persons.give_away(person, to, until)

    def take_in(self, person: str, moved: bytes) -> None:
        """Take over an id that another partition has given away."""
        self._persons.take_in(person, *unpack(moved, self._activity))

    def resume(self, person: str) -> None:
        """Go on with a person who was `held`: nothing of theirs became due meanwhile."""
        self._persons.set_timers(person)
        self._fire()

    # -- what it keeps ----------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Changelog records since last taken: key, value (None deletes). The partition's own comes last."""
        persons = self._persons
        changes: list[tuple[bytes, bytes | None]] = []
        for person in persons.changed:
            p = persons.profiles.get(person)
            changes.append((person.encode(), None if p is None else encode(p)))
        for name in persons.changed_erased:
            erased = persons.erased.get(name)
            changes.append((_ERASED_PREFIX + name, None if erased is None else encode_erased(erased)))
        persons.changed.clear()
        persons.changed_erased.clear()
        progress = Progress(self._watermark, self._newest, self._activity.vocabulary)
        if changes or self._activity.grown or self._progressed():
            self._activity.grown = False
            self._written = Progress(self._watermark, self._newest, Vocabulary())
            changes.append((_PROGRESS_KEY, encode_progress(progress)))
        return changes

    def _progressed(self) -> bool:
        written = self._written
        if written is None:
            return self._newest != BEGINNING
        return written.watermark != self._watermark or written.newest != self._newest

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take in one changelog record, in log order. Raises ValueError for a newer version's."""
        if key == _PROGRESS_KEY:
            if value is not None:
                self._restored_progress = decode_progress(value)
        elif key.startswith(_ERASED_PREFIX):
            if value is None:
                self._persons.erased.pop(key[1:], None)
            else:
                self._persons.erased[key[1:]] = decode_erased(value)
        elif key[:1] in _NOT_OURS:
            return
        elif value is None:
            self._persons.profiles.pop(key.decode(), None)
        else:
            self._persons.profiles[key.decode()] = decode(value)

    _restored_progress: Progress | None = None
    _admitted: Admitted | None = None

    def restored(self) -> None:
        """After the last changelog record: take up the numbers and set the timers again."""
        progress = self._restored_progress
        if progress is None:
            return
        profiles, erased = self._persons.profiles, self._persons.erased
        self._start(progress.vocabulary)
        self._watermark, self._newest = progress.watermark, progress.newest
        self._written = progress
        self._persons.take_up(profiles, erased)

    def _view(self) -> tuple[Persons, Activity, Calendar, int]:
        return self._persons, self._activity, self._calendar, self._watermark
