"""Plain Faust never finishes recovering a table whose changelog ends with a transaction marker.

    python docs/faust/recovery_hangs.py localhost:9092

Writes ten records to a changelog in one committed transaction, as any exactly-once writer does, and starts a
plain Faust app with that table. Faust waits for the log's last offset, but there is no record at it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import uuid

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

WAIT_S = 30.0


async def main(broker: str) -> None:
    name = f"recovery-hangs-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    compacted = {"cleanup.policy": "compact"}
    await admin.create_topics(
        [NewTopic(f"{name}-counts-changelog", 1, 1, topic_configs=compacted), NewTopic("hits", 1, 1)]
    )
    await admin.close()
    for transactional in (False, True):
        await write(broker, f"{name}-counts-changelog", transactional)
        print("changelog written", "in a transaction:" if transactional else "without transactions:")
        print("  ", await recover(broker, name))


async def write(broker: str, changelog: str, transactional: bool) -> None:
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


async def recover(broker: str, name: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        app = faust.App(name, broker=f"kafka://{broker}", store="memory://", datadir=folder, web_enabled=False)
        counts = app.Table("counts", default=int, partitions=1)
        recovered = asyncio.Event()

        @app.agent(app.topic("hits"))
        async def count(hits):  # type: ignore[no-untyped-def]
            async for hit in hits:
                counts[hit] += 1

        @counts.on_recover
        async def done() -> None:
            recovered.set()

        async with app:
            try:
                await asyncio.wait_for(recovered.wait(), WAIT_S)
            except TimeoutError:
                found = f"not recovered after {WAIT_S:.0f} s, with {len(counts)} keys of 10"
            else:
                found = f"recovered, {len(counts)} keys of 10"
    return found


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
