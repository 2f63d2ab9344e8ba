"""The worker's computation over files: reads events, drives the core, writes what it publishes."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from stream.core import records
from stream.core.definition import Definition
from stream.core.engagement.partials import PARTIALS
from stream.replay.merging import Merging
from stream.replay.outputs import OutputFiles, ReplayError, check_not_an_input
from stream.replay.rekeyed import RekeyedStream
from stream.replay.streams import Published, Stream
from stream.replay.summary import Progress, Summary
from stream.sources import Format, InputFile, Lines, SourceError
from stream.sources.order import sorted_by_time

__all__ = [
    "Input",
    "Progress",
    "Published",
    "ReplayError",
    "SourceError",
    "Stream",
    "Summary",
    "batches",
    "drive",
    "replay",
]

BATCHES_BETWEEN_COLLECTIONS = 256
PEOPLE_PER_WRITE = 1_000

OnProgress = Callable[[Progress], None]


class Input(Struct, frozen=True, kw_only=True):
    """What is read, and how: several files are one stream in the order given.

    `partitions` splits the stream as Kafka's own partitioner would; `partitioned` takes each file as one
    partition. `sort` brings each partition's events into time order first, in memory. `topic` is the name
    that late events and dead letters carry.
    """

    files: tuple[str, ...]
    format: Format
    topic: str
    partitions: int = 1
    partitioned: bool = False
    sort: bool = False


def replay(
    source: Input,
    out: Path,
    definition: Definition,
    *,
    until_ms: int | None = None,
    force: bool = False,
    on_progress: OnProgress | None = None,
) -> Summary:
    """Runs the events of a source; what is published, and the persons' final states, go to the folder `out`.

    At the end the watermark goes to `until_ms`, else to the newest event's time. Equal content gives equal
    files byte for byte. Memory grows with the persons, not with the files (except with `sort`). Raises
    `SourceError` for the input, `ReplayError` for the folder; `out` is then as it was before.
    """
    check_not_an_input(source.files, out)
    began = time.perf_counter()
    summary = Summary()
    with OutputFiles(out, force=force) as outputs:
        stream = drive(
            source,
            definition,
            until_ms=until_ms,
            publish=outputs.write,
            summary=summary,
            on_progress=on_progress,
        )
        lines: list[bytes] = []
        for person in stream.people():
            summary.people[person.state] += 1
            lines.append(records.encode(person))
            if len(lines) == PEOPLE_PER_WRITE:
                outputs.write({"people": lines})
                lines = []
        if lines:
            outputs.write({"people": lines})
    summary.seconds = time.perf_counter() - began
    return summary


def drive(
    source: Input,
    definition: Definition,
    *,
    publish: Callable[[Published], None],
    until_ms: int | None = None,
    persons_only: bool = False,
    summary: Summary | None = None,
    on_progress: OnProgress | None = None,
) -> Stream:
    """Runs the events of a source through the core to the end; returns the stream as it then stands.

    `publish` gets the records as they come; with `persons_only` none of windows, incidents and days.
    Raises `SourceError`.
    """
    summary = summary if summary is not None else Summary()
    number_of_partitions = len(source.files) if source.partitioned else source.partitions
    several = RekeyedStream if number_of_partitions > 1 and not definition.keyed else Stream
    stream = several(definition, partitions=number_of_partitions, topic=source.topic)
    merging = None if persons_only else Merging(definition, sources=stream.sources)
    spread = source.partitions > 1 and not source.partitioned

    def take(values: list[bytes], file_number: int) -> None:
        if spread:
            stream.route(values)
        else:
            stream.feed(file_number if source.partitioned else 0, values)
        summary.events += len(values)
        publish_new()

    def publish_new() -> None:
        published = stream.take_published()
        parts = published.pop(PARTIALS, [])
        if published:
            summary.note(published)
            publish(published)
        if merging is not None and parts:
            for merged in merging.merge(parts):
                publish(merged)

    with _collecting_seldom() as collect_now_and_then:
        for file_number, values in batches(source, summary, on_progress):
            take(values, file_number)
            collect_now_and_then()
        stream.finish(until_ms)
        publish_new()
    summary.add_up(stream, merging)
    return stream


def batches(
    source: Input, summary: Summary | None = None, on_progress: OnProgress | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """A source's records in batches, with their file's number. Raises `SourceError`.

    All files are opened first: a missing last one shows at once.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(InputFile(path)) for path in source.files]
        sizes = [file.size for file in files]
        progress = Progress(size=None if None in sizes else sum(size or 0 for size in sizes))

        def read(file: InputFile) -> Iterator[list[bytes]]:
            before = progress.bytes_read
            lines = Lines(file)
            for values in source.format.records(lines):
                yield values
                progress.events += len(values)
                progress.bytes_read = before + file.bytes_read
                if on_progress is not None:
                    on_progress(progress)
            progress.bytes_read = before + file.bytes_read
            if summary is not None:
                summary.cut_lines += lines.cut
            file.close()

        if not source.sort:
            for number, file in enumerate(files):
                for values in read(file):
                    yield number, values
        elif source.partitioned:
            for number, file in enumerate(files):
                for values in sorted_by_time(read(file)):
                    yield number, values
        else:
            for values in sorted_by_time(values for file in files for values in read(file)):
                yield 0, values


@contextmanager
def _collecting_seldom() -> Iterator[Callable[[], None]]:
    """Garbage is collected only now and then, and only among what is new since.

    Profiles make no cycles, so the collector has next to nothing to find there; left to itself it looks
    all the same, for a tenth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    calls = 0

    def collect_now_and_then() -> None:
        nonlocal calls
        calls += 1
        if calls % BATCHES_BETWEEN_COLLECTIONS == 0:
            gc.collect()
            gc.freeze()

    try:
        yield collect_now_and_then
    finally:
        if enabled:
            gc.enable()
        gc.unfreeze()
