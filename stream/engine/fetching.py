"""Takes what aiokafka has fetched as columns, a Kafka batch at a time, where it gives out records one by one.

Written against aiokafka 0.14, whose `Fetcher.fetched_records` makes two objects of each record, and takes
it through two iterators: four times the work of what is done here, and more than the rest of fetching.
What it does beside that is done in the same order here; tests/engine/test_fetching.py holds both against
each other, over logs with aborted and open transactions, compaction, compression and repeats.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Any

from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult
from aiokafka.errors import CorruptRecordException

from stream.engine.client import TopicPartition
from stream.engine.columns import Columns

# How long a fetch waits at the broker for data of any of the partitions that it asks for. It does not ask for
# those of which records are still to be taken, and no other fetch goes to that broker meanwhile: where only
# partitions with nothing new are left to ask for, those taken in the meantime would wait, too.
WAIT_MS, WAIT_WITH_RECORDS_MS = 500, 20


async def fetched(
    fetcher: Any, partitions: Collection[TopicPartition], *, timeout_s: float, most: int
) -> dict[TopicPartition, Columns]:
    """What has been fetched of these partitions, after waiting for it so long; it counts as consumed.

    At least `most` records are taken if there are as many: the last batch taken is taken whole.
    Raises what the broker had to say of a partition, once there is nothing else.
    """
    until = time.monotonic() + timeout_s
    while True:
        # What is there belongs to partitions that may be others' by the end of a rebalance.
        if fetcher._subscriptions.reassignment_in_progress:
            await fetcher._subscriptions.wait_for_assignment()
        found = _take(fetcher, partitions, most)
        fetcher._fetch_max_wait_ms = WAIT_WITH_RECORDS_MS if fetcher._records else WAIT_MS
        left_s = until - time.monotonic()
        if found or left_s <= 0:
            return found
        waiter = fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=left_s)
        if not done or fetcher._closed:
            waiter.cancel()
            return {}
        waiter.result()


def _take(fetcher: Any, partitions: Collection[TopicPartition], most: int) -> dict[TopicPartition, Columns]:
    found: dict[TopicPartition, Columns] = {}
    for partition, result in list(fetcher._records.items()):
        if partition not in partitions:
            if not fetcher._subscriptions.is_assigned(partition):
                del fetcher._records[partition]
            continue
        if not isinstance(result, FetchResult):
            if found:
                return found  # the error comes with the next call
            _fetch_on(fetcher, partition)
            result.check_raise()
            continue
        records = Columns([], [], [], [])
        try:
            _move(result, records, most)
        except CorruptRecordException as error:
            # Not raised now: what was found of other partitions counts as consumed. What was moved of this
            # one does not, and is dropped.
            del fetcher._records[partition]
            fetcher._set_error(partition, error)
            return found or _take(fetcher, partitions, most)
        if not result.has_more():
            _fetch_on(fetcher, partition)
        if records:
            found[partition] = records
            most -= len(records)
            if most <= 0:
                break
    return found


def _fetch_on(fetcher: Any, partition: TopicPartition) -> None:
    del fetcher._records[partition]
    fetcher._notify(fetcher._wait_consume_future)


def _move(result: Any, records: Columns, most: int) -> None:
    """Move Kafka batches from the result to `records`, and the consumer's position with them."""
    if not result.check_assignment(result._topic_partition) or not result.has_more():
        return
    source = result._partition_records
    # Its own, which is not used here: it and the source hold each other, and with them what was fetched.
    source._records_iterator = None
    batches = source._records
    while batches.has_next() and len(records) < most:
        batch = batches.next_batch()
        if source._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {result._topic_partition}")
        if not _is_aborted(source, batch) and not batch.is_control_batch:
            records.add(list(batch), start=source.next_fetch_offset)
        # Also where there is nothing in it: the last offset of a batch outlives its records.
        source.next_fetch_offset = batch.next_offset
    result._update_position()
    if not batches.has_next():
        result._partition_records = None


def _is_aborted(source: Any, batch: Any) -> bool:
    """Whether the batch belongs to a transaction that was given up; keeps account of those."""
    if source._isolation_level != READ_COMMITTED or batch.producer_id is None:
        return False
    source._consume_aborted_up_to(batch.base_offset)
    if batch.is_control_batch and source._contains_abort_marker(batch):
        source._aborted_producers.discard(batch.producer_id)
    return batch.is_transactional and batch.producer_id in source._aborted_producers
