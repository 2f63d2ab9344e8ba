"""Faust's assignor of partitions, which lets a worker come back at another address."""

from __future__ import annotations

from typing import Any

from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor


class Assignor(PartitionAssignor):
    """Written against faust-streaming 0.15.3."""

    def on_assignment(self, assignment: Any) -> None:
        """Faust's, which asserts that the assignment was made for the address that this worker has now.

        A static member that was killed and started again gets the one that was made for it before, with the
        port that it had then; the assertion had it never join. Whoever asks it at the old address is told.
        """
        told = ClientMetadata.loads(self._decompress(assignment.user_data))
        told.url = str(self._url)
        renewed = self._compress(told.dumps())
        super().on_assignment(type(assignment)(assignment.version, assignment.assignment, renewed))
