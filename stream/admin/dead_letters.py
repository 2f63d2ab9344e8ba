"""Dead letters: what there is of them, and sending the originals back to where they came from, once each."""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct, field

from stream.admin.connection import AdminError, connect
from stream.admin.originals import Original, Originals
from stream.admin.sending import Sender, Sending
from stream.admin.topics import sent_topic
from stream.admin.verdicts import Judge, is_surely_too_large
from stream.admin.watermarks import watermarks
from stream.core.partitioner import partition_for
from stream.core.records import DeadLetter
from stream.engine.client import probe
from stream.settings import Settings

STALLED_AFTER_S = 30.0
EXAMPLES = 2

_POLL_MS = 100

Fate = Literal["sound", "late", "dead", "sent before", "not chosen", "tombstone", "gone", "unreadable"]
"""What becomes of a dead letter. `sound`, `late` and `dead` are a worker's verdict if it came now."""

# Nothing that a later run could do for these.
_SETTLED = frozenset(("sent before", "tombstone", "gone", "unreadable"))

OnProgress = Callable[[int, int], None]
"""Called with the dead letters read so far, and how many there are about."""


class Choice(Struct, frozen=True):
    """Which dead letters are meant, and where they go.

    No `reasons`: all. Written from `since_ms` to before `until_ms`. `limit`: so many at most. `dead`: also
    those that would be dead letters again. `to`: a topic instead of that which each came from. `settled`:
    from the topic's beginning, instead of from where the last run stopped.
    """

    reasons: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int | None = None
    dead: bool = False
    to: str | None = None
    settled: bool = False

    def takes(self, letter: DeadLetter, written_ms: int) -> bool:
        """Whether the filters let it pass."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.since_ms is None or written_ms >= self.since_ms)
            and (self.until_ms is None or written_ms < self.until_ms)
        )

    def sends(self, fate: Fate) -> bool:
        """Whether a letter of this fate is sent."""
        return fate in ("sound", "late") or (fate == "dead" and self.dead)


class Survey(Struct):
    """What was found. `fates` counts by (reason, fate); `first_ms` and `last_ms` are times of writing.

    `examples` are the first few by reason. `sent` counts what was really sent, by topic. `transactions`:
    whether what was sent was sent exactly once; None where nothing was to be sent.
    """

    fates: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    first_ms: int | None = None
    last_ms: int | None = None
    examples: dict[str, list[DeadLetter]] = field(default_factory=dict)
    knows_late: bool = True
    sent: Counter[str] = field(default_factory=Counter)
    transactions: bool | None = None

    def count(self, *fates: Fate) -> int:
        """Letters of these fates; of all, without any."""
        return sum(n for (_, fate), n in self.fates.items() if not fates or fate in fates)

    def to_send(self, choice: Choice) -> int:
        """How many a run with this choice sends."""
        found = sum(n for (_, fate), n in self.fates.items() if choice.sends(fate))
        return found if choice.limit is None else min(found, choice.limit)

    def saw(self, letter: DeadLetter, fate: Fate, written_ms: int) -> None:
        self.fates[letter.reason, fate] += 1
        if fate != "not chosen":
            self.first_ms = written_ms if self.first_ms is None else min(self.first_ms, written_ms)
            self.last_ms = written_ms if self.last_ms is None else max(self.last_ms, written_ms)
            examples = self.examples.setdefault(letter.reason, [])
            if len(examples) < EXAMPLES:
                examples.append(letter)


async def survey(settings: Settings, choice: Choice, *, on_progress: OnProgress | None = None) -> Survey:
    """What a run with this choice would find and send; nothing is written. Raises AdminError."""
    return await _run(settings, choice, sending=False, on_progress=on_progress)


async def replay(settings: Settings, choice: Choice, *, on_progress: OnProgress | None = None) -> Survey:
    """Send the originals back: each once, whenever and however often this is run or killed.

    With transactions, a batch is sent together with a note of what was sent and with the offsets of the group
    `<group>-dead-letters`: up to there, nothing is left to send. Without them a killed run may send a batch
    twice. Raises AdminError.
    """
    return await _run(settings, choice, sending=True, on_progress=on_progress)


async def _run(
    settings: Settings, choice: Choice, *, sending: bool, on_progress: OnProgress | None
) -> Survey:
    try:
        async with _open(settings, choice, sending=sending) as run:
            await run.read(on_progress)
            return run.survey
    except (KafkaError, OSError, TimeoutError) as error:
        raise AdminError(
            f"{settings.broker}: {str(error) or type(error).__name__}",
            "nothing is lost: what was sent is noted, run this again for the rest",
        ) from error


@asynccontextmanager
async def _open(settings: Settings, choice: Choice, *, sending: bool) -> AsyncIterator[_Run]:
    async with AsyncExitStack() as closing:

        async def consumer(group: str | None = None) -> AIOKafkaConsumer:
            made = AIOKafkaConsumer(
                **settings.connection.options(),
                client_id="footfall-dead-letters",
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                fetch_max_wait_ms=_POLL_MS,
            )
            closing.push_async_callback(made.stop)
            await made.start()
            return made

        async with connect(settings.connection):
            pass  # or it says that no broker answers, and what to do
        capabilities = await probe(settings.connection, f"{settings.group}-probe")
        reader = await consumer(f"{settings.group}-dead-letters")
        topics = await _topics(reader)
        _refuse_what_is_missing(settings, choice, topics)
        sender = None
        if sending:
            # First: it ends what a killed run has left open, and the run itself, should it still live.
            sender = Sender(settings, reader, topics, transactions=capabilities.transactions)
            closing.push_async_callback(sender.close)
            await sender.open()
        sent = await _sent_before(
            await consumer(), settings, topics, exact_ends=capabilities.exact_end_offsets
        )
        known = await watermarks(settings)
        run = _Run(
            settings,
            choice,
            topics,
            reader=reader,
            originals=Originals(await consumer()),
            judge=Judge(settings.definition, known),
            sent=sent,
            sender=sender,
            exact_ends=capabilities.exact_end_offsets,
        )
        run.survey.knows_late = bool(known)
        run.survey.transactions = sender.transactions if sender else None
        yield run


async def _topics(reader: AIOKafkaConsumer) -> dict[str, int]:
    """All topics with their numbers of partitions. (Asking for one by name can create it.)"""
    cluster = await reader._client.fetch_all_metadata()
    return {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in cluster.topics()}


def _refuse_what_is_missing(settings: Settings, choice: Choice, topics: dict[str, int]) -> None:
    ours = [settings.output_topic("dead-letters"), sent_topic(settings)]
    if missing := [topic for topic in ours if topic not in topics]:
        raise AdminError(
            f"{settings.broker} has no topic {', '.join(missing)}", "run `footfall topics create` first"
        )
    if choice.to is not None and choice.to not in topics:
        raise AdminError(f"{settings.broker} has no topic {choice.to}", "create it, or give another --to")


class _Letter(NamedTuple):
    """A dead letter as it stands in its topic. `mark` is what it is known by once it is sent."""

    record: ConsumerRecord
    letter: DeadLetter
    mark: bytes


class _Run:
    """One pass over the dead letters that are there now."""

    def __init__(
        self,
        settings: Settings,
        choice: Choice,
        topics: dict[str, int],
        *,
        reader: AIOKafkaConsumer,
        originals: Originals,
        judge: Judge,
        sent: set[bytes],
        sender: Sender | None,
        exact_ends: bool,
    ) -> None:
        self.survey = Survey()
        self._settings = settings
        self._choice = choice
        self._topics = topics
        self._reader = reader
        self._originals = originals
        self._judge = judge
        self._sent = sent
        self._sender = sender
        self._exact_ends = exact_ends
        self._chosen = 0

    async def read(self, on_progress: OnProgress | None) -> None:
        topic = self._settings.output_topic("dead-letters")
        partitions = [TopicPartition(topic, number) for number in range(self._topics[topic])]
        begins = await self._reader.beginning_offsets(partitions)
        ends = await self._reader.end_offsets(partitions)
        self._reader.assign(partitions)
        if self._choice.settled:
            await self._reader.seek_to_beginning(*partitions)
        starts = {one: max(begins[one], await self._reader.position(one)) for one in partitions}
        total, read = sum(max(0, ends[one] - starts[one]) for one in partitions), 0
        async for record in _until_ends(self._reader, ends, exact=self._exact_ends):
            await self._take(record)
            read += 1
            if on_progress is not None and read % 100 == 0:
                on_progress(min(read, total), total)
            if self._sender is not None and self._choice.limit in (0, self._chosen):
                break
        if self._sender is not None:
            await self._sender.flush()
        if on_progress is not None:
            on_progress(total, total)

    async def _take(self, record: ConsumerRecord) -> None:
        letter = _decode(record)
        if letter is None:
            self.survey.fates["", "unreadable"] += 1
            fate: Fate = "unreadable"
        else:
            one = _Letter(record, letter, _mark(letter))
            original, fate = await self._judged(one)
            self.survey.saw(letter, fate, record.timestamp)
            if self._choice.sends(fate):
                self._chosen += 1
                if self._sender is not None:
                    assert original is not None
                    await self._send(one, original)
                    return
        if self._sender is not None:
            self._sender.passed(record.partition, record.offset, settled=fate in _SETTLED)

    async def _judged(self, one: _Letter) -> tuple[Original | None, Fate]:
        letter = one.letter
        if one.mark in self._sent:
            return None, "sent before"
        if not self._choice.takes(letter, one.record.timestamp):
            return None, "not chosen"
        if letter.reason == "tombstone":
            return None, "tombstone"
        if is_surely_too_large(letter) and not self._choice.dead:
            return None, "dead"
        original = _carried(letter) if not letter.truncated else await self._originals.fetch(letter)
        if original is None:
            return None, "gone"
        fate: Fate = self._judge.verdict(
            original.key,
            original.value,
            partition=self._target(one.letter, original.key)[1],
            now_ms=int(time.time() * 1000),
        )
        return original, fate

    def _target(self, letter: DeadLetter, key: bytes | None) -> tuple[str, int]:
        """Where Kafka's own partitioner puts the key; without one, where the record came from."""
        topic = self._choice.to or letter.topic
        partitions = self._topics.get(topic)
        if not partitions:
            raise AdminError(
                f"a dead letter came from {topic}, and there is no such topic",
                "give --to with the topic that it is to be sent to",
            )
        return topic, letter.partition % partitions if key is None else partition_for(key, partitions)

    async def _send(self, one: _Letter, original: Original) -> None:
        topic, partition = self._target(one.letter, original.key)
        self._sent.add(one.mark)
        assert self._sender is not None
        await self._sender.send(
            Sending(
                TopicPartition(topic, partition),
                original,
                origin=f"{one.letter.topic}/{one.letter.partition}/{one.letter.offset}",
                mark=one.mark,
                read_from=one.record.partition,
                offset=one.record.offset,
            )
        )
        self.survey.sent[topic] += 1


async def _sent_before(
    reader: AIOKafkaConsumer, settings: Settings, topics: dict[str, int], *, exact_ends: bool
) -> set[bytes]:
    topic = sent_topic(settings)
    partitions = [TopicPartition(topic, number) for number in range(topics[topic])]
    ends = await reader.end_offsets(partitions)
    reader.assign(partitions)
    await reader.seek_to_beginning(*partitions)
    records = _until_ends(reader, ends, exact=exact_ends)
    return {record.key async for record in records if record.key is not None}


async def _until_ends(
    reader: AIOKafkaConsumer, ends: dict[TopicPartition, int], *, exact: bool
) -> AsyncIterator[ConsumerRecord]:
    """The records of the assigned partitions up to `ends`, each partition's in order.

    The embedded broker understates its ends (not `exact`): the high watermark of a fetch is the better word.
    """
    loop = asyncio.get_running_loop()
    moved_at = loop.time()
    while True:
        fetched = await reader.getmany(timeout_ms=_POLL_MS)
        for place, batch in fetched.items():
            for record in batch:
                if not exact or record.offset < ends[place]:
                    yield record
        positions = {place: await reader.position(place) for place in ends}
        behind = [
            place
            for place, end in ends.items()
            if positions[place] < (end if exact else max(end, reader.highwater(place) or 0))
        ]
        if not behind and (exact or not fetched):
            return
        if fetched:
            moved_at = loop.time()
        elif loop.time() - moved_at > STALLED_AFTER_S:
            names = ", ".join(f"{place.topic}/{place.partition}" for place in behind)
            raise AdminError(f"no more records came of {names}", "is a broker of the cluster down?")


def _decode(record: ConsumerRecord) -> DeadLetter | None:
    try:
        return _decode_letter(record.value or b"")
    except msgspec.DecodeError:
        return None


_decode_letter = msgspec.json.Decoder(DeadLetter).decode


def _carried(letter: DeadLetter) -> Original:
    return Original(*_bytes(letter.key, letter.key_base64), *_bytes(letter.value, letter.value_base64))


def _bytes(text: str | None, base64: str | None) -> Iterator[bytes | None]:
    yield b64decode(base64) if base64 is not None else None if text is None else text.encode()


def _mark(letter: DeadLetter) -> bytes:
    """The original's place, and a hash of what it is: a later topic of the same name has others there."""
    content = (letter.key, letter.key_base64, letter.value, letter.value_base64, letter.truncated or None)
    digest = sha256(msgspec.json.encode(content)).hexdigest()[:16]
    return f"{letter.topic}/{letter.partition}/{letter.offset}/{digest}".encode()
