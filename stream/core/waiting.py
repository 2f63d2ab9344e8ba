"""Who waits for something that another partition has to send, and what waits behind it, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec
from msgspec import Struct

from stream.core.envelopes import Answer, Envelope, Event, Joining, Ticket, decoded, encode

HELD_PREFIX, HELD_END = b"\xfb", b"\xfc"
"""What the changelog's keys of it begin with, and the first that does not."""

_NOTHING = b""


class Held(Struct, array_like=True):
    """Something that somebody has to wait for (with a `ticket`), or that waits behind it.

    `content` is an envelope; of what is waited for None until it is there, empty where nothing is to be
    done. `floor` is the watermark when that person began to wait; None where a Wait will come too late.
    """

    person: str
    floor: int | None
    ticket: Ticket | None
    content: bytes | None


class Queue:
    """What somebody waits for, and what waits behind it: numbers of entries in `Waiting`.

    `doing` is the number of the one that is worked off at the moment.
    """

    def __init__(self, person: str, floor: int) -> None:
        self.person = person
        self.floor = floor
        self.entries: deque[int] = deque()
        self.doing: int | None = None


class Waiting:
    """All who wait on one partition. `do` works an envelope off, `resume` sets a person's timers going again.

    `queues` are by person; `still` are those for whom nothing may become due meanwhile. `behind` are
    anonymous ids that have moved here, and whose join waits in the queue of this user.
    """

    def __init__(self, do: Callable[[Envelope, Queue], None], resume: Callable[[str], None]) -> None:
        self.queues: dict[str, Queue] = {}
        self.still: set[str] = set()
        self.behind: dict[str, str] = {}
        self._do = do
        self._resume = resume
        self._held: dict[int, Held] = {}
        self._changed: dict[int, None] = {}
        self._tickets: dict[Ticket, int] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._held)

    def wait(self, person: str, ticket: Ticket, watermark: int) -> None:
        """Somebody waits from here on: behind what is waited for already, before what is yet to be done."""
        early = self._tickets.pop(ticket, None)
        if early is not None:
            self._drop(early)
            return
        queue = self._queue(person, watermark)
        self._tickets[ticket] = self._enter(queue, Held(person, queue.floor, ticket, None))

    def put(self, queue: Queue, envelope: Event | Joining) -> None:
        """Something waits behind what is waited for."""
        self._enter(queue, Held(queue.person, queue.floor, None, encode(envelope)))

    def fill(
        self, person: str, ticket: Ticket, envelope: Event | Joining | Answer | None, watermark: int
    ) -> None:
        """What somebody has waited for is there; None: there is nothing to be done."""
        content = _NOTHING if envelope is None else encode(envelope)
        number = self._tickets.get(ticket)
        if number is None:
            # At least once, an answer may come before its Wait, which then is not to be waited for.
            queue = self._queue(person, watermark)
            self._enter(queue, Held(person, queue.floor, None, content))
            self._tickets[ticket] = number = self._take_number()
            self._held[number] = Held(person, None, ticket, _NOTHING)
        else:
            self._held[number].content = content
        self._changed[number] = None
        self._drain(person)

    def _queue(self, person: str, watermark: int) -> Queue:
        queue = self.queues.get(person)
        if queue is None:
            queue = self.queues[person] = Queue(person, watermark)
            self.still.add(person)
        return queue

    def _enter(self, queue: Queue, held: Held) -> int:
        """Into the queue as the last, or in the place of what is being done; returns its number."""
        if queue.doing is None:
            number = self._take_number()
            queue.entries.append(number)
        else:
            number = queue.doing
            queue.entries.appendleft(number)
        self._held[number] = held
        self._changed[number] = None
        return number

    def _take_number(self) -> int:
        self._next += 1
        return self._next - 1

    def _drop(self, number: int) -> None:
        del self._held[number]
        self._changed[number] = None

    def _drain(self, person: str) -> None:
        """Do what is no longer waited for, in order."""
        queue = self.queues[person]
        if queue.doing is not None:
            return
        while queue.entries:
            number = queue.entries[0]
            held = self._held[number]
            if held.content is None:
                return
            queue.doing = queue.entries.popleft()
            self._drop(number)
            if held.ticket is not None:
                del self._tickets[held.ticket]
            if held.content:
                self._do(decoded(held.content), queue)
            queue.doing = None
        del self.queues[person]
        self.still.discard(person)
        self._resume(person)

    # -- what it keeps ----------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Changelog records since last taken: key, value (None deletes)."""
        changes: list[tuple[bytes, bytes | None]] = []
        for number in self._changed:
            held = self._held.get(number)
            key = HELD_PREFIX + number.to_bytes(8, "big")
            changes.append((key, None if held is None else _encode(held)))
        self._changed.clear()
        return changes

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take in one changelog record, in log order."""
        number = int.from_bytes(key[1:], "big")
        if value is None:
            self._held.pop(number, None)
        else:
            self._held[number] = _decode(value)

    def restored(self) -> None:
        """After the last changelog record."""
        for number in sorted(self._held):
            held = self._held[number]
            self._next = number + 1
            if held.ticket is not None:
                self._tickets[held.ticket] = number
            if held.content and held.ticket is not None:
                envelope = decoded(held.content)
                if isinstance(envelope, Answer) and envelope.moved is not None and envelope.joining:
                    self.behind[envelope.joining.anonymous] = envelope.user
            if held.floor is not None:
                self._queue(held.person, held.floor).entries.append(number)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Held).decode
