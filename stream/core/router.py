"""One input partition of a stream that is not keyed by person: judges records, and sends them to persons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from stream.core.activity import Activity, Vocabulary
from stream.core.admission import Admission
from stream.core.calendar import Calendar
from stream.core.clock import BEGINNING, Newest
from stream.core.counts import Counts
from stream.core.definition import Definition
from stream.core.envelopes import Envelope, Event, Frontier, Joining, Ticket, Wait, encode
from stream.core.events import Invalid, Wire, read
from stream.core.joining import to_join
from stream.core.partitioner import partition_for
from stream.core.profile import Progress, decode_progress, encode_progress
from stream.core.publishing import Publisher, Source

MAX_HOMES = 200_000
"""Persons whose partition is remembered: murmur2 takes longer than anything else here."""

MAX_ALIASES = 100_000
"""Joined ids, the latest, that are remembered so that what comes under them waits its turn."""

_PROGRESS_KEY = b"\xff"
_JOINING = ("identify", "alias")

Output = tuple[str, bytes | None, bytes] | tuple[str, bytes | None, bytes, int]
"""Topic without prefix, key, value; of an envelope also the partition of the internal topic."""

REKEYED = "rekeyed"
"""The name of the internal topic among the outputs."""


class Router:
    """What SPEC 1 asks before "duplicate" is asked here, by the partition's own watermark; the rest is asked
    where the person is. Deterministic: no clock, no chance.

    `partitions` are those of the internal topic. `newest` is shared between the routers of a replay.
    """

    def __init__(
        self,
        definition: Definition,
        *,
        topic: str,
        number: int,
        partitions: int,
        newest: Newest | None = None,
    ) -> None:
        self.counts = Counts()
        self.topic = topic
        self.number = number
        self._definition = definition
        self._partitions = partitions
        self._admission = Admission(definition, newest or Newest())
        self._activity = Activity(definition, Vocabulary())
        self._publisher = Publisher(definition, self._activity)
        self._calendar = Calendar(definition.timezone)
        self._homes: dict[str, int] = {}
        self._aliases: dict[str, tuple[str, int]] = {}  # the user, and up to which day
        self._changed: dict[str, None] = {}
        self._outputs: list[Output] = []
        self._watermark = self._newest = BEGINNING
        self._written: tuple[int, int] = (BEGINNING, BEGINNING)
        self._announced: int | None = None

    @property
    def watermark(self) -> int | None:
        """In ms; None before the first event."""
        return None if self._watermark == BEGINNING else self._watermark

    @property
    def newest(self) -> int | None:
        """The greatest time of an admitted event, in ms; None before the first."""
        return None if self._newest == BEGINNING else self._newest

    def process(
        self,
        values: Sequence[bytes | None],
        *,
        keys: Sequence[bytes | None] | None,
        offsets: Sequence[int],
        arrived_ms: Sequence[int] | None,
    ) -> None:
        """Work off one fetched batch, in order, as `Partition.process` does; never raises on a record."""
        admission, tracks, fixed = self._admission, self._activity.tracks, self._activity.fixed
        lateness, source = self._definition.allowed_lateness_ms, self.number
        engagement = self._definition.engagement
        size, ahead = engagement.window_ms, lateness - engagement.lateness_ms
        homes, outputs = self._homes, self._outputs
        for i, value in enumerate(values):
            try:
                wire, t, person = read(value)
                assert value is not None
                if arrived_ms is not None:
                    admission.check_arrival(t, arrived_ms[i])
                else:
                    admission.check_replay(wire, t)
            except Invalid as invalid:
                self.counts.dead[invalid.reason] += 1
                self._publisher.dead_letter(self._source(i, offsets, keys, value), invalid)
                continue
            named = fixed.get(wire.type) or tracks.get(wire.event) or self._activity.named(wire)
            if named.ignored:
                self.counts.ignored += 1
                continue
            if t < self._watermark:
                self.counts.late += 1
                self._publisher.late(
                    self._source(i, offsets, keys, value),
                    message_id=wire.message_id or "",
                    person=person,
                    t=t,
                    watermark=self._watermark,
                )
                continue
            if t > self._newest:
                self._newest = t
                self._watermark = max(self._watermark, t - lateness)
            at, clock = (offsets[i], 0), self._watermark + ahead
            event = Event(source, at, t, person, value)
            if arrived_ms is not None:
                event.arrived = arrived_ms[i]
            if t - t % size + size <= clock:
                event.window_clock = clock
            if wire.type in _JOINING and wire.user_id is not None and self._join(wire, event):
                continue
            if named.deletes:
                event.watermark = self._watermark
            if person in self._aliases:
                self._follow(event)
                continue
            home = homes.get(person)
            if home is None:
                home = self._home(person)
            outputs.append((REKEYED, None, encode(event), home))

    def advance(self, watermark_ms: int) -> None:
        """Move the watermark on (the idle rule, the end of a replay); it never goes back."""
        self._watermark = max(self._watermark, watermark_ms)

    def take_outputs(self) -> list[Output]:
        """The records to publish since last taken, in order; envelopes first, the frontier behind them."""
        if self._watermark not in (self._announced, BEGINNING):
            self._announced = self._watermark
            data = encode(Frontier(self.number, self._watermark))
            for partition in range(self._partitions):
                self._outputs.append((REKEYED, None, data, partition))
        outputs, self._outputs = self._outputs, []
        published, self._publisher.outputs = self._publisher.outputs, []
        return [*outputs, *published]

    def _join(self, wire: Wire, event: Event) -> bool:
        """Send an event that joins an anonymous id; False where there is nobody to be joined."""
        ids = to_join(wire)
        if ids is None:
            return False
        anonymous, previous = ids
        t, (offset, _), user = event.t, event.at, event.person
        home = self._home(user)
        lives = self._home(anonymous)
        first = lives if previous is None else self._home(previous)
        ticket: Ticket = self.number, offset, home, 0
        waits = not (first == lives == home)
        joining = Joining(
            self.number,
            (offset, 2),
            t,
            self._watermark,
            user,
            anonymous,
            previous,
            event.value,
            ticket,
            waits,
            window_clock=event.window_clock,
            arrived=event.arrived,
        )
        if waits:
            self._send(Wait(self.number, (offset, 0), user, ticket), home)
            if first != lives:
                self._send(Wait(self.number, (offset, 1), anonymous, (*ticket[:2], lives, 1)), lives)
            self._remember(anonymous, user, t)
        self._send(joining, first)
        return True

    def _follow(self, event: Event) -> None:
        """An event under an id that was joined: the user's next ones wait until it has found its way."""
        (user, _), (offset, _) = self._aliases[event.person], event.at
        ticket: Ticket = self.number, offset, self._home(user), 0
        self._send(Wait(self.number, event.at, user, ticket), ticket[2])
        event.at, event.ticket, event.user = (offset, 1), ticket, user
        self._send(event, self._home(event.person))

    def _remember(self, anonymous: str, user: str, t: int) -> None:
        first = self._aliases.pop(anonymous, None)
        day = self._calendar.reached(t)
        leads = user, day + self._definition.hibernate_days
        if first is not None and first[0] != user and day < first[1]:
            leads = first  # who, unless deleted since, keeps it
        if leads != first:
            self._changed[anonymous] = None
        self._aliases[anonymous] = leads
        if len(self._aliases) > MAX_ALIASES:
            oldest = next(iter(self._aliases))
            del self._aliases[oldest]
            self._changed[oldest] = None

    def _send(self, envelope: Envelope, partition: int) -> None:
        self._outputs.append((REKEYED, None, encode(envelope), partition))

    def _home(self, person: str) -> int:
        home = self._homes.get(person)
        if home is None:
            if len(self._homes) >= MAX_HOMES:
                self._homes.clear()
            home = self._homes[person] = partition_for(person.encode(), self._partitions)
        return home

    def _source(
        self,
        i: int,
        offsets: Sequence[int],
        keys: Sequence[bytes | None] | None,
        value: bytes | None,
    ) -> Source:
        return Source(self.topic, self.number, offsets[i], keys[i] if keys else None, value)

    # -- what it keeps ----------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Changelog records since last taken: key, value (None deletes). The router's own comes last."""
        changes: list[tuple[bytes, bytes | None]] = []
        for anonymous in self._changed:
            leads = self._aliases.get(anonymous)
            changes.append((anonymous.encode(), None if leads is None else _encode(leads)))
        self._changed.clear()
        progress = self._watermark, self._newest
        if changes or progress != self._written:
            self._written = progress
            changes.append((_PROGRESS_KEY, encode_progress(Progress(*progress, Vocabulary()))))
        return changes

    def keys(self) -> Iterator[bytes]:
        """The changelog's keys of joined ids, in no order."""
        return (anonymous.encode() for anonymous in self._aliases)

    def value(self, key: bytes) -> bytes | None:
        """What the changelog would hold of a joined id now; None where there is nothing."""
        leads = self._aliases.get(key.decode(errors="replace"))
        return None if leads is None else _encode(leads)

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take in one changelog record, in log order. Raises ValueError for a newer version's."""
        if key == _PROGRESS_KEY:
            if value is not None:
                progress = decode_progress(value)
                self._watermark, self._newest = self._written = progress.watermark, progress.newest
            return
        anonymous = key.decode()
        self._aliases.pop(anonymous, None)
        if value is not None:
            self._aliases[anonymous] = _decode(value)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, int]).decode
