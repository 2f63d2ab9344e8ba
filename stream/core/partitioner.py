"""Kafka's default partitioner: which partition a key lives in."""

from __future__ import annotations

from struct import unpack_from


def murmur2(key: bytes) -> int:
    """32-bit murmur2 with Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2), unsigned."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    length = len(key)
    h = 0x9747B28C ^ length
    for word in unpack_from(f"<{length >> 2}I", key):
        k = word * m & mask
        h = h * m & mask ^ ((k ^ k >> 24) * m & mask)
    rest = length & 3
    if rest:
        h = (h ^ int.from_bytes(key[-rest:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_for(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner gives `key` among `partitions`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
