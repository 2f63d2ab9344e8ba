"""Plain Faust never finishes recovering a table whose changelog ends with a transaction marker.

    python docs/faust/recovery_hangs.py localhost:9092 transaction
    python docs/faust/recovery_hangs.py localhost:9092 plain        # to compare

Writes ten records to a changelog in one committed transaction, as any exactly-once writer does, and starts a
plain Faust app with that table. Faust waits for the log's last offset, but there is no record at it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import uuid

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

WAIT_S = 30.0


async def main(broker: str, how: str) -> None:
    name = f"recovery-hangs-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    compacted = {"cleanup.policy": "compact"}
    await admin.create_topics(
        [NewTopic(f"{name}-counts-changelog", 1, 1, topic_configs=compacted), NewTopic(f"{name}-hits", 1, 1)]
    )
    await admin.close()
    await write(broker, f"{name}-counts-changelog", transactional=how == "transaction")
    await recover(broker, name)


async def write(broker: str, changelog: str, *, transactional: bool) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=broker, transactional_id=uuid.uuid4().hex if transactional else None
    )
    await producer.start()
    if transactional:
        await producer.begin_transaction()
    for number in range(10):
        await producer.send_and_wait(changelog, key=b'"key-%d"' % number, value=b"1", partition=0)
    if transactional:
        await producer.commit_transaction()
    await producer.stop()


async def recover(broker: str, name: str) -> None:
    folder = tempfile.mkdtemp()
    app = faust.App(name, broker=f"kafka://{broker}", store="memory://", datadir=folder, web_enabled=False)
    counts = app.Table("counts", default=int, partitions=1)
    recovered = asyncio.Event()

    @app.agent(app.topic(f"{name}-hits"))
    async def count(hits):  # type: ignore[no-untyped-def]
        async for hit in hits:
            counts[hit] += 1

    @counts.on_recover
    async def done() -> None:
        recovered.set()

    # `start` itself waits for the recovery.
    starting = asyncio.create_task(app.start())
    try:
        await asyncio.wait_for(recovered.wait(), WAIT_S)
    except TimeoutError:
        print(f"not recovered after {WAIT_S:.0f} s, with {len(counts)} keys of 10", flush=True)
    else:
        print(f"recovered, {len(counts)} keys of 10", flush=True)
    starting.cancel()
    # A Faust that hangs does not stop, either.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
