"""One partition of a re-keyed stream: persons by their own id, wherever their events were read.

An anonymous id and the user that it turns out to be may live on different partitions. Then the id moves: its
partition sends all it knows to the user's, which from then on is where the id lives, and leads there
whatever comes later. Meanwhile the user waits: what comes is put off, in order, until the answer is there. So
everything that SPEC 5 says of a join happens in one place, and exactly as if both had always been there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from stream.core.clock import BEGINNING
from stream.core.definition import Definition
from stream.core.envelopes import (
    Answer,
    At,
    Envelope,
    Event,
    Frontier,
    Joining,
    Ticket,
    Wait,
    decoded,
    encode,
)
from stream.core.events import ANONYMOUS
from stream.core.keeping import ColdStore
from stream.core.movable import MovablePartition
from stream.core.moving import pack
from stream.core.partition import Admitted
from stream.core.partitioner import partition_for
from stream.core.router import REKEYED, Output
from stream.core.waiting import HELD_END, HELD_PREFIX, Queue, Waiting

HEARD_KEY = b"\xfa"

# How many days longer than needed it is remembered where an id has moved: that a person is forgotten
# is found out at a midnight, and the other partition's may come a little later.
SPARE_DAYS = 2

_NOTHING = b""


class RekeyedPartition:
    """Reads the envelopes of one partition of the internal topic, in order, and runs a Partition with them.

    `partitions` are the internal topic's, `routers` the input's. Deterministic: no clock, no chance.
    """

    def __init__(
        self,
        definition: Definition,
        *,
        number: int,
        partitions: int,
        routers: int,
        partition: MovablePartition,
        store: ColdStore | None = None,
    ) -> None:
        self.partition = partition
        self.number = number
        self._definition = definition
        self._partitions = partitions
        self._routers = routers
        self._store = store
        self._outputs: list[Output] = []
        self._frontiers: dict[int, int] = {}
        self._read: dict[int, At] = {}
        self._heard_changed = False
        self._announced: int | None = None
        self._floor: int | None = None
        self._offset = self._sent = 0
        self._waiting = Waiting(self._go_on, partition.resume)
        self._queues, self._behind = self._waiting.queues, self._waiting.behind
        self._still = self._waiting.still
        partition.hold(self._still)

    # -- what it knows ----------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """What is waited for from other partitions, and what waits behind it."""
        return len(self._waiting)

    # -- what it does -----------------------------------------------------------------------------

    def process(self, values: Sequence[bytes], offsets: Sequence[int]) -> None:
        """Work off envelopes of the internal topic. Raises ValueError for one of a newer version."""
        find, queues, read = self.partition.profile, self._queues, self._read
        run: list[bytes] = []
        run_offsets: list[int] = []
        for value, offset in zip(values, offsets, strict=True):
            envelope = decoded(value)
            if not isinstance(envelope, Frontier):
                at = envelope.at
                if at <= read.get(envelope.source, _BEFORE):
                    continue
                read[envelope.source] = at
                self._heard_changed = True
                if (
                    type(envelope) is Event
                    and envelope.ticket is None
                    and envelope.watermark is None
                    and envelope.window_clock is None
                    and envelope.person not in queues
                ):
                    p = find(envelope.person)
                    # Nobody in the run joins anybody: who is free at its beginning is free at its end.
                    if envelope.person not in self._behind and (p is None or p.redirect is None):
                        run.append(envelope.value)
                        run_offsets.append(offset)
                        continue
            if run:
                self._apply(run, run_offsets)
                run, run_offsets = [], []
            self._offset, self._sent = offset, 0
            self._handle(envelope)
        if run:
            self._apply(run, run_offsets)

    def take_outputs(self) -> list[Output]:
        """The records to publish since last taken, in order; envelopes for other partitions among them."""
        frontier = self._frontier()
        if frontier is not None and frontier != self._announced:
            self._announced = frontier
            data = encode(Frontier(_name(self.number), frontier))
            for partition in range(self._partitions):
                if partition != self.number:
                    self._outputs.append((REKEYED, None, data, partition))
        # who waits will still be counted in windows that were open when that began
        self.partition.hold_windows(min((queue.floor for queue in self._queues.values()), default=None))
        outputs, self._outputs = self._outputs, []
        return [*outputs, *self.partition.take_outputs()]

    def _handle(self, envelope: Envelope) -> None:
        if isinstance(envelope, Frontier):
            self._hear(envelope)
        elif isinstance(envelope, Event):
            self._event(envelope)
        elif isinstance(envelope, Joining):
            self._joining(envelope)
        elif isinstance(envelope, Wait):
            self._waiting.wait(envelope.person, envelope.ticket, self._watermark)
        else:
            self._answered(envelope)

    def _apply(self, values: list[bytes], offsets: Sequence[int], admitted: Admitted | None = None) -> None:
        watermark = self._watermark
        self.partition.process(
            values,
            keys=None,
            offsets=offsets,
            arrived_ms=None,
            admitted=admitted or Admitted(watermark, watermark),
        )

    @property
    def _watermark(self) -> int:
        watermark = self.partition.watermark
        return BEGINNING if watermark is None else watermark

    # -- time -------------------------------------------------------------------------------------

    def _hear(self, frontier: Frontier) -> None:
        """The watermark is the smallest of what all routers and all other partitions have told.

        What a partition tells is the smallest that it has heard from the routers: it has sent on by then what
        they had sent before.
        """
        self._frontiers[frontier.source] = frontier.watermark
        self._heard_changed = True
        self._floor = self._smallest(range(self._routers))
        others = (_name(number) for number in range(self._partitions) if number != self.number)
        told = self._smallest(others)
        if self._floor is not None and told is not None:
            self.partition.advance(min(self._floor, told))

    def _frontier(self) -> int | None:
        """Nothing that this partition will send on is before it: neither what comes, nor what waits."""
        if self._floor is None or not self._queues:
            return self._floor
        waiting = (queue.floor for person, queue in self._queues.items() if person.startswith(ANONYMOUS))
        return min(self._floor, min(waiting, default=self._floor))

    def _smallest(self, sources: range | Iterator[int]) -> int | None:
        smallest = _FOREVER
        for source in sources:
            frontier = self._frontiers.get(source)
            if frontier is None:
                return None
            smallest = min(smallest, frontier)
        return smallest

    # -- events and joins -------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        """An event under an id that may live elsewhere, stand for a user, or be waited for."""
        own = self._queues.get(event.person)
        if own is not None and own.doing is None:
            self._waiting.put(own, event)
            return
        user = self._behind.get(event.person)
        if user is not None:
            self._settle(event, user)
            return
        p = self.partition.profile(event.person)
        if p is not None and p.moved_to is not None:
            day = self.partition.day_of(event.t) + self._definition.prospect_days
            self.partition.lead_on(event.person, day + SPARE_DAYS)
            sent = msgspec.structs.replace(event, source=_name(self.number), at=self._at())
            self._send(sent, p.moved_to)
            return
        self._settle(event, self.partition.resolve(event.person, event.t))

    def _settle(self, event: Event, person: str) -> None:
        """An event for `person`, who lives here."""
        ticket = event.ticket
        if ticket is not None and ticket[2] == self.number:
            self._waiting.fill(event.user, ticket, _without_ticket(event), self._watermark)
            return
        self._release(event)
        queue = self._queues.get(person)
        if queue is not None and queue.doing is None:
            self._waiting.put(queue, _without_ticket(event))
        else:
            self._apply([event.value], [self._offset], self._admitted(queue, event))

    def _release(self, event: Event) -> None:
        """Whoever waits for the event on another partition need not: it has found its place."""
        if event.ticket is not None:
            answer = Answer(_name(self.number), self._at(), event.user, event.ticket, None, None)
            self._send(answer, event.ticket[2])

    def _joining(self, joining: Joining) -> None:
        """An event that may join an anonymous id, on its way to where that lives, or there already."""
        home, user, anonymous = joining.ticket[2], joining.user, joining.anonymous
        queue = self._queues.get(user) if home == self.number and not joining.waits else None
        if queue is not None and queue.doing is None:
            self._waiting.put(queue, joining)
            return
        if joining.previous is not None:
            known = self.partition.profile(joining.previous)
            refused = known is not None and known.registered is not None
            lives = partition_for(anonymous.encode(), self._partitions)
            joining = msgspec.structs.replace(
                joining, previous=None, asked=lives != self.number, refused=refused
            )
            if lives != self.number:
                self._pass_on(joining, lives)
                return
        if joining.asked:
            slot: Ticket = *joining.ticket[:2], self.number, 1
            self._waiting.fill(
                anonymous, slot, msgspec.structs.replace(joining, asked=False), self._watermark
            )
            return
        own = self._queues.get(anonymous)
        if own is not None and own.doing is None:
            if not joining.waits:
                joining = self._have_wait(joining)
            self._waiting.put(own, joining)
            return
        # An id that is about to be somebody's is not waited for: two users could wait for each other.
        if joining.refused or self._behind.get(anonymous, user) != user:
            self._answer(joining, None)
            return
        p = self.partition.profile(anonymous)
        if p is not None and p.moved_to is not None and anonymous not in self._behind:
            self.partition.lead_on(anonymous, self._led_until(joining))
            if not joining.waits:
                joining = self._have_wait(joining)
            self._pass_on(joining, p.moved_to)
        elif home == self.number:
            if joining.waits:
                self._waiting.fill(
                    user, joining.ticket, msgspec.structs.replace(joining, waits=False), self._watermark
                )
            else:
                self._apply([joining.value], [self._offset], self._admitted(queue, joining))
        elif self.partition.resolve(anonymous, joining.t) != anonymous:
            self._answer(joining, None)
        else:
            given = self.partition.give_away(anonymous, home, self._led_until(joining))
            self._answer(joining, pack(*given, self.partition.vocabulary))

    def _have_wait(self, joining: Joining) -> Joining:
        """The user lives here, but the id does not, or not yet."""
        self._waiting.wait(joining.user, joining.ticket, self._watermark)
        return msgspec.structs.replace(joining, waits=True)

    def _go_on(self, envelope: Envelope, queue: Queue) -> None:
        """What is no longer waited for, or waited behind it."""
        if isinstance(envelope, Answer):
            self._take_in(envelope, queue)
        else:
            self._handle(envelope)

    def _led_until(self, joining: Joining) -> int:
        kept = max(self._definition.hibernate_days, self._definition.prospect_days)
        return self.partition.day_of(joining.t) + kept + SPARE_DAYS

    def _pass_on(self, joining: Joining, partition: int) -> None:
        self._send(
            msgspec.structs.replace(joining, source=_name(self.number), at=self._at()),
            partition,
        )

    def _answer(self, joining: Joining, moved: bytes | None) -> None:
        ticket = joining.ticket
        answer = Answer(_name(self.number), self._at(), joining.user, ticket, joining, moved)
        if ticket[2] != self.number:
            self._send(answer, ticket[2])
        elif joining.waits:
            self._answered(answer)
        else:
            admitted = self._admitted(self._queues.get(joining.user), joining)
            self._apply([joining.value], [self._offset], admitted._replace(joins=False))

    def _answered(self, answer: Answer) -> None:
        if answer.moved is not None and answer.joining is not None:
            self._behind[answer.joining.anonymous] = answer.user
        self._waiting.fill(
            answer.user, answer.ticket, answer if answer.joining is not None else None, self._watermark
        )

    def _take_in(self, answer: Answer, queue: Queue) -> None:
        """The event that a user has waited for, with whoever it joins."""
        joining = answer.joining
        assert joining is not None
        admitted = self._admitted(queue, joining)
        if answer.moved is None:
            self._apply([joining.value], [self._offset], admitted._replace(joins=False))
            return
        anonymous = joining.anonymous
        self._behind.pop(anonymous, None)
        # What is over by now, but was not by the event's watermark, is the user's.
        self._still.add(anonymous)
        self.partition.take_in(anonymous, answer.moved)
        self._apply([joining.value], [self._offset], admitted)
        self._still.discard(anonymous)
        self.partition.resume(anonymous)

    def _admitted(self, queue: Queue | None, envelope: Event | Joining) -> Admitted:
        floor = self._watermark if queue is None else queue.floor
        watermark = floor if envelope.watermark is None else max(floor, envelope.watermark)
        return Admitted(floor, watermark, window_clock=envelope.window_clock)

    def _send(self, envelope: Envelope, partition: int) -> None:
        self._outputs.append((REKEYED, None, encode(envelope), partition))

    def _at(self) -> At:
        self._sent += 1
        return self._offset, self._sent

    # -- what it keeps ----------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Changelog records since last taken: key, value (None deletes)."""
        changes = self._waiting.take_changes()
        if self._heard_changed:
            self._heard_changed = False
            changes.append((HEARD_KEY, _encode((self._read, self._frontiers))))
        return [*changes, *self.partition.take_changes()]

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take in one changelog record, in log order. Raises ValueError for a newer version's."""
        if key[:1] not in (HEARD_KEY, HELD_PREFIX):
            self.partition.restore(key, value)
        elif self._store is None:
            self._restore(key, value)

    def _restore(self, key: bytes, value: bytes | None) -> None:
        if key == HEARD_KEY:
            if value is not None:
                self._read, self._frontiers = _decode_heard(value)
            return
        self._waiting.restore(key, value)

    def restored(self) -> None:
        """After the last changelog record."""
        store = self._store
        if store is not None:
            for key in [HEARD_KEY, *store.keys(HELD_PREFIX, HELD_END)]:
                self._restore(key, store.get(key))
        self._waiting.restored()
        self._floor = self._smallest(range(self._routers))
        self.partition.restored()


_BEFORE: At = (-1, -1)
_FOREVER = 2**63
_encode = msgspec.msgpack.Encoder().encode
_decode_heard = msgspec.msgpack.Decoder(tuple[dict[int, At], dict[int, int]]).decode


def _name(number: int) -> int:
    """The name of partition `number` as a source of envelopes."""
    return -1 - number


def _without_ticket(event: Event) -> Event:
    return msgspec.structs.replace(event, ticket=None, user="")
