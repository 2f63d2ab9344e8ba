"""What people say of incidents, sent on from the control topic to the merger: as parts, among the others.

So the merger reads one topic, and applies each once. The forwarding engine has no state but its position.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from stream.agents.partitions import Partitions
from stream.core.engagement import partials
from stream.core.engagement.control import decode_json
from stream.core.engagement.partials import PARTIALS
from stream.engine.state import Change, LocalStore, Output, PartitionState, Record
from stream.metrics import Metrics

log = logging.getLogger(__name__)


class FeedbackState:
    """The control topic's partition: a PartitionState without anything to keep."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._outputs: list[Output] = []

    def process(self, records: Sequence[Record]) -> None:
        """Send on what can be read; what can't is said in the log, and passed over."""
        for record in records:
            try:
                control = decode_json(record.value or b"")
            except ValueError as error:
                self._metrics.feedback.labels("refused").inc()
                why = str(error)  # which quotes nothing of the record
                log.warning(
                    "Offset %d of the control topic: %s", record.offset, why, extra={"offset": record.offset}
                )
            else:
                self._metrics.feedback.labels("forwarded").inc()
                self._outputs.append((PARTIALS, None, partials.encode(control)))

    def work(self) -> bool:
        return False

    def take_outputs(self) -> Sequence[Output]:
        outputs, self._outputs = self._outputs, []
        return outputs

    def take_changes(self) -> Sequence[Change]:
        return ()

    def take_local(self) -> Sequence[Change]:
        return ()

    def written(self) -> None:
        pass

    def value(self, key: bytes) -> bytes | None:
        return None

    def keys(self) -> Iterator[bytes]:
        return iter(())

    def restore(self, key: bytes, value: bytes | None) -> None:
        pass

    def restored(self) -> None:
        pass


class Feedback(Partitions):
    """The control topic's partition, as the engine's observer."""

    def new_state(self, number: int, store: LocalStore | None) -> PartitionState:
        return FeedbackState(self.metrics)
