"""A contestant for tests: it publishes what the oracle says, or errs as it is told; until SIGTERM.

python toy_peer.py BOOTSTRAP INPUT OUTPUT GROUP right|wrong|dies|stalls commits|prints
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.versus.job import KEY_EVENTS
from bench.versus.oracle import expected


async def main(bootstrap: str, source: str, output: str, group: str, behaviour: str, progress: str) -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    records: list[tuple[int, bytes | None]] = []
    consumer = AIOKafkaConsumer(
        source,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    async with consumer, producer:
        end = sum((await consumer.end_offsets([*consumer.assignment()])).values())
        while len(records) < end:
            for place, batch in (await consumer.getmany(timeout_ms=500, max_records=500)).items():
                records += [(place.partition, record.value) for record in batch]
            if progress == "prints":
                sys.stdout.write(f"progress {len(records)}\n")
                sys.stdout.flush()
            else:
                await consumer.commit()
            if behaviour == "dies":
                sys.exit("no more, says the toy")
            if behaviour == "stalls":
                await over.wait()
                return
        found = expected(records, key_events=KEY_EVENTS, gap_ms=1_800_000, lateness_ms=600_000)
        for number, visit in enumerate(sorted(found.visits)):
            told = {
                "person": visit.person,
                "start": visit.start_ms,
                "end": visit.end_ms,
                "events": visit.events + (number == 0 and behaviour == "wrong"),
                "key_events": dict(visit.key_events),
            }
            await producer.send(output, json.dumps(told).encode(), key=visit.person.encode())
            if number == 1 and behaviour == "wrong":
                await producer.send(output, json.dumps(told).encode(), key=visit.person.encode())
        await producer.flush()
        await over.wait()


asyncio.run(main(*sys.argv[1:]))
