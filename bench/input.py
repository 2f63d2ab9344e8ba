"""The input of the benchmark: a shop's events as Segment JSON, the same bytes for the same seed.

    python -m bench.input [--events 2000000] [--persons 200000] [--zipf 1.0] [--rate 1] [--seed 1]

Events of about 600 bytes, seven to a visit, in the order of their times. Who visits next is drawn by Zipf's
law among those who are not on a visit, so that each visit drawn is one visit, minutes long. Who registers
does so first of all; one person in ten never does. Two visits in a hundred have a pause as long as the gap
that ends visits (which does not end it), or a millisecond longer (which does).

Beside those: 1 % come hours late (older than the person's own visit and any lateness), 0.1 % are no events.
The last record of each partition is of somebody new, days later, so that every visit before it closes. Of two
inputs that differ only in `events` the shorter one is a prefix of the longer, but for those last records.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import struct
import time
from bisect import bisect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate, islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import orjson
import zstandard

from stream.core.partitioner import partition_for
from stream.simulate import catalog, devices, stamps
from stream.simulate.catalog import CART, CATEGORIES, CHECKOUT, HOME, ITEMS, SEARCH, SITE, THANKS, Page
from stream.simulate.devices import pick_device, place
from stream.simulate.stamps import stamp

START_MS = 1_735_819_200_000  # noon of 2025-01-02, UTC: the past, for whatever clock this runs by
DAY_MS = 86_400_000
DAYS = 1  # of 2,000,000 events: a midnight is in it
EVENTS = 2_000_000
PERSONS = 200_000
PARTITIONS = 8
ZIPF = 1.0
GAP_MS = 30 * 60_000

LATE = 0.01
BAD = 0.001
ANONYMOUS = 0.1
EVENTS_A_VISIT = 7.0
BETWEEN_MS = 40_000.0
LONG_PAUSE = 0.01
CLOSING_AFTER_MS = 3 * DAY_MS
CHUNK = 20_000
DRAWS = 64  # half of whom are away already: at the usual rate all of them never are

# How busy a shop is at each hour of the day (UTC).
_HOURS = (3, 2, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 14, 13, 13, 13, 14, 16, 18, 20, 20, 17, 11, 6)
_RHYTHM = [busy * 24 / sum(_HOURS) for busy in _HOURS]

# Channel, campaign triple and referrer, as often as they are listed.
_ARRIVALS = (
    *[("direct", "", "")] * 5,
    *[("organic", "", "https://search.example/")] * 7,
    *[("social", '{"name":"haul","source":"clips","medium":"social"}', "https://clips.example/")] * 2,
    *[("paid", '{"name":"brand","source":"search","medium":"cpc"}', "https://search.example/")] * 2,
    *[("paid", '{"name":"winter-sale","source":"news","medium":"cpc"}', "https://news.example/")] * 1,
    *[("email", '{"name":"newsletter","source":"crm","medium":"email"}', "")] * 2,
    *[("push", '{"name":"back-in-stock","source":"crm","medium":"push"}', "")] * 1,
)


class Record(NamedTuple):
    """A record for Kafka: its key, its value, and the time that the value tells, in ms since 1970."""

    key: bytes
    value: bytes
    ms: int


class _Person:
    """What is the same in all of a person's events, and until when they are away."""

    __slots__ = ("anonymous", "app", "context", "free_ms", "ids", "key", "known", "partition")

    def __init__(self, seed: int, rank: int, partitions: int) -> None:
        rng = Random(f"{seed}/{rank}")
        self.anonymous = rng.random() < ANONYMOUS
        anonymous_id = f"{rng.getrandbits(64):016x}"
        user_id = f"usr_{rng.getrandbits(64):016x}"
        self.ids = f'"anonymousId":"{anonymous_id}"'
        if self.anonymous:
            self.key = f"anonymous:{anonymous_id}".encode()
        else:
            self.ids += f',"userId":"{user_id}"'
            self.key = user_id.encode()
        self.partition = partition_for(self.key, partitions)
        device = pick_device(rng)
        self.app = device.app
        self.context = f"{place(rng)},{device.members}"
        self.known = self.anonymous
        self.free_ms = 0


class _Crowd:
    """Everybody, most of whom are rarely seen: made when they first come."""

    def __init__(self, seed: int, persons: int, partitions: int, zipf: float) -> None:
        self._seed = seed
        self._partitions = partitions
        self._cumulated = list(accumulate(rank**-zipf for rank in range(1, persons + 1)))
        self._met: dict[int, _Person] = {}

    def draw(self, rng: Random, now_ms: int) -> _Person:
        """One who is not on a visit, nor so soon after one that it would go on; if need be, one who is."""
        for _ in range(DRAWS):
            person = self._one(bisect(self._cumulated, rng.random() * self._cumulated[-1]))
            if person.free_ms <= now_ms:
                break
        return person

    def _one(self, rank: int) -> _Person:
        person = self._met.get(rank)
        if person is None:
            person = self._met[rank] = _Person(self._seed, rank, self._partitions)
        return person


_Written = tuple[int, int, bytes, bytes, int]
"""When the record comes (ms), in which partition, its key and value, and the time it tells (ms)."""


class _Visit:
    """One visit's records, in time order."""

    def __init__(self, person: _Person, number: int, start_ms: int, rng: Random) -> None:
        self._person = person
        self._random = rng.random
        self._id = f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4{rng.getrandbits(12):03x}-a000"
        self._number = number
        self._now_ms = self._start_ms = start_ms
        channel, campaign, self._referrer = _ARRIVALS[int(rng.random() * len(_ARRIVALS))]
        self._context = f'{{"channel":"{channel}",{person.context}'
        self._landing = f',"campaign":{campaign}' if campaign else ""
        self._page = ""
        self.records: list[_Written] = []
        self._play(rng)

    def _play(self, rng: Random) -> None:
        random = rng.random
        person = self._person
        if not person.known:
            person.known = True
            created = f'"createdAt":"{stamp(self._now_ms)}","plan":"free","newsletter":false'
            self._write('"type":"identify"', f'"traits":{{{created}}}')
            self._now_ms += 1_500
        steps = int(math.log(1.0 - random()) / math.log(1.0 - 1.0 / EVENTS_A_VISIT))
        pause_at = int(random() * steps) if random() < 2 * LONG_PAUSE else -1
        self._view(HOME if random() < 0.4 else CATEGORIES[int(random() * len(CATEGORIES))])
        item = ITEMS[0]
        in_cart = ordering = 0
        for step in range(steps):
            if step == pause_at:
                self._now_ms += GAP_MS + (random() < 0.5)
            else:
                self._now_ms += 1 + int(-BETWEEN_MS * math.log(1.0 - random()))
            chance = random()
            if chance < 0.30:
                item = ITEMS[int(len(ITEMS) * random() ** 2.5)]
                self._view(item.page)
            elif chance < 0.58:
                self._track("Product Viewed", item.members)
            elif chance < 0.70:
                in_cart += item.price
                self._track("Product Added", f'{item.members},"quantity":1')
            elif chance < 0.74:
                self._track("Product Shared", f'"share_via":"messenger",{item.members}')
            elif chance < 0.80:
                self._track("Products Searched", '"query":"desk lamp"')
            elif chance < 0.90 and in_cart:
                ordering, in_cart = in_cart, 0
                self._track("Checkout Started", f'"value":{ordering / 100:.2f},"currency":"EUR"')
            elif chance < 0.98 and ordering:
                total = f'"total":{ordering / 100:.2f},"currency":"EUR"'
                self._track(
                    "Order Completed",
                    f'"order_id":"{self._number:x}",{total},"products":[{{{item.members}}}]',
                )
                ordering = 0
            else:
                self._view((CART, CHECKOUT, THANKS, SEARCH, HOME)[int(random() * 5)])
        person.free_ms = self._now_ms + GAP_MS + 60_000

    def _view(self, page: Page) -> None:
        if self._person.app:
            self._write(f'"type":"screen","name":"{page.name}"', f'"properties":{{"name":"{page.name}"}}')
        else:
            self._page = f',"page":{{"path":"{page.path}","referrer":"{self._referrer}"}}'
            self._write(f'"type":"page","name":"{page.name}"', f'"properties":{{{page.located}}}')
        self._referrer = SITE + page.path

    def _track(self, event: str, members: str) -> None:
        self._write(f'"type":"track","event":"{event}"', f'"properties":{{{members}}}')

    def _write(self, head: str, body: str) -> None:
        now_ms = self._now_ms
        self._append(now_ms, self._value(head, body, now_ms))
        self._landing = ""
        chance = self._random()
        if chance < LATE:
            # Hours before the visit: nothing of this person's is open there any more, by anyone's rule.
            told_ms = self._start_ms - int((2.0 + 10.0 * self._random()) * 3_600_000)
            self._append(told_ms, self._value(head, body, told_ms))
        elif chance < LATE + BAD:
            self._append(now_ms, _spoiled(self._value(head, body, now_ms), self._random))

    def _value(self, head: str, body: str, told_ms: int) -> bytes:
        message = f"{self._id}-{self._number:08x}{len(self.records):04x}"
        received = stamp(self._now_ms + 40 + int(900 * self._random() ** 2))
        return (
            f'{{{head},"messageId":"{message}","timestamp":"{stamp(told_ms)}","receivedAt":"{received}",'
            f'{self._person.ids},{body},"context":{self._context}{self._landing}{self._page}}}}}'
        ).encode()

    def _append(self, told_ms: int, value: bytes) -> None:
        self.records.append((self._now_ms, self._person.partition, self._person.key, value, told_ms))


def _changed(value: bytes, **members: object) -> bytes:
    event = orjson.loads(value) | members
    return orjson.dumps({name: member for name, member in event.items() if member is not None})


_SPOILERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda value: value[: len(value) // 2],
    lambda value: value[:-2] + b',"note":"caf\xe9"}}',
    lambda value: b"[" + value + b"]",
    lambda value: _changed(value, messageId=None),
    lambda value: _changed(value, type=None),
    lambda value: _changed(value, type="click"),
    lambda value: _changed(value, type="track", event=None),
    lambda value: _changed(value, userId=4711),
    lambda value: _changed(value, timestamp=None),
    lambda value: _changed(value, timestamp="yesterday"),
    lambda value: _changed(value, timestamp="2025-01-10T10:00:00"),
    lambda value: _changed(value, userId=None, anonymousId=None),
)


def _spoiled(value: bytes, random: Callable[[], float]) -> bytes:
    return _SPOILERS[int(random() * len(_SPOILERS))](value)


def _visits(crowd: _Crowd, rng: Random, start_ms: int, rate: float) -> Iterator[_Visit]:
    """Visits in the order of their starts, for ever."""
    between_ms = DAYS * DAY_MS / (EVENTS / EVENTS_A_VISIT) / rate
    now_ms = float(start_ms)
    number = 0
    while True:
        busy = _RHYTHM[int(now_ms // 3_600_000) % 24]
        now_ms += -between_ms / busy * math.log(1.0 - rng.random())
        yield _Visit(crowd.draw(rng, int(now_ms)), number, int(now_ms), rng)
        number += 1


def _in_order(visits: Iterator[_Visit]) -> Iterator[_Written]:
    """The records of all visits, as they come."""
    waiting: list[_Written] = []
    most = 2 * CHUNK
    for visit in visits:
        waiting += visit.records
        if len(waiting) > most:
            # Stable: what comes in the same millisecond keeps its visit's order.
            waiting.sort(key=lambda record: record[0])
            done = bisect(waiting, visit.records[0][0], key=lambda record: record[0])
            yield from waiting[:done]
            del waiting[:done]
            most = 2 * len(waiting) + 2 * CHUNK  # so each is sorted a few times only, however many wait


def _closing(partition: int, partitions: int, now_ms: int) -> Record:
    """Somebody who was never seen before, in this partition, days later."""
    at_ms = now_ms + CLOSING_AFTER_MS
    user_id = next(
        name
        for name in (f"usr_closing_{number}" for number in range(1_000_000))
        if partition_for(name.encode(), partitions) == partition
    )
    value = (
        f'{{"type":"page","name":"Home","messageId":"closing-{partition}","timestamp":"{stamp(at_ms)}",'
        f'"userId":"{user_id}","properties":{{}},"context":{{"channel":"direct"}}}}'
    )
    return Record(user_id.encode(), value.encode(), at_ms)


def generate(
    events: int,
    *,
    seed: int = 1,
    persons: int = PERSONS,
    partitions: int = PARTITIONS,
    zipf: float = ZIPF,
    start_ms: int = START_MS,
    rate: float = 1.0,
) -> Iterator[list[list[Record]]]:
    """`events` records in chunks, each a list of records for each partition, in the order they come in.

    The last chunk has the closing records, which are among the `events`. At `rate` 1 2,000,000 events are
    a day, 23 a second; at 864 they are 20,000 a second. Where there are too few persons for so many visits
    at once, visits of the same person run into each other.
    Raises ValueError where there is no room for an event beside those.
    """
    if events <= partitions:
        raise ValueError(
            f"{events} events are too few: {partitions} of them close the {partitions} partitions"
        )
    rng = Random(seed)
    records = _in_order(_visits(_Crowd(seed, persons, partitions, zipf), rng, start_ms, rate))
    now_ms = start_ms
    left = events - partitions
    while left:
        chunk: list[list[Record]] = [[] for _ in range(partitions)]
        for now_ms, partition, key, value, told_ms in islice(records, min(left, CHUNK)):  # noqa: B007
            chunk[partition].append(Record(key, value, told_ms))
        left -= min(left, CHUNK)
        yield chunk
    yield [[_closing(partition, partitions, now_ms)] for partition in range(partitions)]


_HEAD = struct.Struct("<HIIq")  # partition, length of the key, length of the value, ms
_CHUNK_END = _HEAD.pack(0xFFFF, 0, 0, 0)


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/footfall/bench`, by default `~/.cache/footfall/bench`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "footfall" / "bench"


def cached(
    events: int,
    *,
    seed: int = 1,
    persons: int = PERSONS,
    partitions: int = PARTITIONS,
    zipf: float = ZIPF,
    start_ms: int = START_MS,
    rate: float = 1.0,
    folder: Path | None = None,
) -> Iterator[list[list[Record]]]:
    """What `generate` gives, from a file in the cache, which is written on the way where there is none."""
    folder = folder or cache_folder()
    made = partial(
        generate,
        events,
        seed=seed,
        persons=persons,
        partitions=partitions,
        zipf=zipf,
        start_ms=start_ms,
        rate=rate,
    )
    path = folder / f"input-{events}-{_fingerprint(made.keywords)}.zst"
    if path.exists():
        yield from _read(path, partitions)
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed: a file of the right name is complete, whoever else writes it meanwhile.
    aside = path.with_suffix(f".{os.getpid()}")
    try:
        with aside.open("wb") as raw, zstandard.ZstdCompressor(level=1).stream_writer(raw) as file:
            for chunk in made():
                file.write(_packed(chunk))
                yield chunk
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)


def _fingerprint(options: dict[str, float]) -> str:
    """Names an input by its options and by the sources that it comes from."""
    modules = (__file__, catalog.__file__, devices.__file__, stamps.__file__)
    parts = [*(Path(module).read_bytes() for module in modules), repr(options).encode()]
    return hashlib.blake2b(b"\n".join(parts), digest_size=8).hexdigest()


def _packed(chunk: list[list[Record]]) -> bytes:
    parts: list[bytes] = []
    for partition, records in enumerate(chunk):
        for key, value, ms in records:
            parts += (_HEAD.pack(partition, len(key), len(value), ms), key, value)
    parts.append(_CHUNK_END)
    return b"".join(parts)


def _read(path: Path, partitions: int) -> Iterator[list[list[Record]]]:
    with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
        rest = b""
        while block := stream.read(16 * 1024 * 1024):
            data = rest + block
            rest, chunks = _unpacked(data, partitions)
            yield from chunks


def _unpacked(data: bytes, partitions: int) -> tuple[bytes, list[list[list[Record]]]]:
    """What is left of `data` after the whole chunks in it, and those."""
    chunks: list[list[list[Record]]] = []
    chunk: list[list[Record]] = [[] for _ in range(partitions)]
    whole = at = 0
    while at + _HEAD.size <= len(data):
        partition, key_length, length, ms = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if partition == 0xFFFF:
            chunks.append(chunk)
            chunk = [[] for _ in range(partitions)]
            whole = at
            continue
        end = at + key_length + length
        if end > len(data):
            break
        chunk[partition].append(Record(data[at : at + key_length], data[at + key_length : end], ms))
        at = end
    return data[whole:], chunks


def main() -> None:
    """Make an input, cache it, and say what it is like."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--partitions", type=int, default=PARTITIONS)
    parser.add_argument("--zipf", type=float, default=ZIPF, help="0: everyone comes as often")
    parser.add_argument("--rate", type=float, default=1.0, help="how many times as many visits a day")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    count = size = last_ms = 0
    keys: set[bytes] = set()
    for chunk in cached(**vars(given)):
        for records in chunk:
            count += len(records)
            size += sum(len(record.value) for record in records)
            keys.update(record.key for record in records)
            last_ms = max([last_ms, *(record.ms for record in records)])
    hours = (last_ms - CLOSING_AFTER_MS - START_MS) / 3_600_000
    print(
        f"{count:,} records of {size / count:.0f} bytes, {len(keys):,} persons, {hours:,.1f} hours, "
        f"in {time.monotonic() - began:.1f} s"
    )


if __name__ == "__main__":
    main()
