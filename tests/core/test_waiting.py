"""Who waits gets things in order, whatever comes first, and after a restart, too."""

from __future__ import annotations

from stream.core.envelopes import Envelope, Event, Ticket
from stream.core.waiting import Queue, Waiting

FIRST: Ticket = (0, 1, 0, 0)
SECOND: Ticket = (0, 2, 0, 0)


def event(name: str) -> Event:
    return Event(0, (0, 0), 0, name, b"")


class Here:
    """Waiting, and what it has done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.waiting = Waiting(self._do, lambda person: self.done.append(f"{person} goes on"))

    def _do(self, envelope: Envelope, queue: Queue) -> None:
        assert isinstance(envelope, Event)
        self.done.append(envelope.person)


def test_what_comes_out_of_order_is_done_in_order() -> None:
    here = Here()
    here.waiting.wait("u", FIRST, 0)
    here.waiting.put(here.waiting.queues["u"], event("behind the first"))
    here.waiting.wait("u", SECOND, 0)
    here.waiting.fill("u", SECOND, event("second"), 0)
    assert here.done == []
    assert here.waiting.still == {"u"}
    here.waiting.fill("u", FIRST, event("first"), 0)
    assert here.done == ["first", "behind the first", "second", "u goes on"]
    assert not here.waiting.still
    assert len(here.waiting) == 0


def test_nothing_to_be_done_lets_go_on_as_well() -> None:
    here = Here()
    here.waiting.wait("u", FIRST, 0)
    here.waiting.fill("u", FIRST, None, 0)
    assert here.done == ["u goes on"]


def test_an_answer_that_comes_before_its_wait_is_done_at_once_and_not_waited_for() -> None:
    here = Here()
    here.waiting.fill("u", FIRST, event("first"), 0)
    assert here.done == ["first", "u goes on"]
    here.waiting.wait("u", FIRST, 0)
    assert not here.waiting.queues
    assert len(here.waiting) == 0


def test_after_a_restart_the_same_is_waited_for() -> None:
    before, after = Here(), Here()
    before.waiting.wait("u", FIRST, 7)
    before.waiting.put(before.waiting.queues["u"], event("behind"))
    before.waiting.fill("v", SECOND, event("early"), 0)
    for key, value in before.waiting.take_changes():
        after.waiting.restore(key, value)
    after.waiting.restored()
    assert after.waiting.queues["u"].floor == 7
    after.waiting.wait("v", SECOND, 0)
    after.waiting.fill("u", FIRST, event("first"), 0)
    assert after.done == ["first", "behind", "u goes on"]
    assert before.waiting.take_changes() == []
    assert {value for _, value in after.waiting.take_changes()} == {None}
