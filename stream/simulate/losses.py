"""The way from the product to Footfall, where events are lost: outages and broken tracking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stream.simulate.ledger import Ledger
from stream.simulate.plants import Broken, Outage
from stream.simulate.population import SLICE_MS
from stream.simulate.scribe import Record
from stream.simulate.streams import digest

_ID = b'"messageId":"'
_ID_CHARACTERS = 36
_ALL = float(16**12)


class Loss:
    """Takes out the events that one plant loses: each by a draw of its own, named after its messageId."""

    def __init__(self, plant: Outage | Broken, ledger: Ledger, *, seed: int) -> None:
        self._start_ms = plant.start_ms
        self._end_ms = plant.end_ms
        self._ledger = ledger
        self._seed = seed
        self._name = plant.text
        if isinstance(plant, Broken):
            self._share = plant.share
            self._mark: bytes | None = f'{{"type":"track","event":"{plant.event}"'.encode()
        else:
            self._share = plant.depth
            self._mark = f'"channel":"{plant.channel}"'.encode() if plant.channel else None

    def pass_on(self, slices: Iterable[tuple[int, list[Record]]]) -> Iterator[tuple[int, list[Record]]]:
        """The slices without what is lost."""
        for until_ms, records in slices:
            if self._start_ms < until_ms and until_ms - SLICE_MS < self._end_ms:
                lost = [record for record in records if self._is_lost(record)]
                if lost:
                    self._ledger.lose(lost)
                    gone = {record[2] for record in lost}
                    records = [record for record in records if record[2] not in gone]
            yield until_ms, records

    def _is_lost(self, record: Record) -> bool:
        t_ms, _, value = record
        assert value is not None
        if not self._start_ms <= t_ms < self._end_ms or (self._mark is not None and self._mark not in value):
            return False
        if self._share == 1.0:
            return True
        start = value.index(_ID) + len(_ID)
        message_id = value[start : start + _ID_CHARACTERS].decode()
        return int(digest(self._seed, f"{self._name}/{message_id}")[:12], 16) < self._share * _ALL


def through(
    slices: Iterator[tuple[int, list[Record]]], losses: Sequence[Loss]
) -> Iterator[tuple[int, list[Record]]]:
    """The slices after all losses."""
    for loss in losses:
        slices = loss.pass_on(slices)
    return slices
