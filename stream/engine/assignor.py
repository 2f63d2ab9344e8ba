"""Faust's assignor, for a worker that comes back to its partitions at another address."""

from __future__ import annotations

import logging
from typing import Any, cast

from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor

log = logging.getLogger(__name__)


class Assignor(PartitionAssignor):
    """Written against faust-streaming 0.15.3, which assumes that a worker's address never changes."""

    def on_assignment(self, assignment: Any) -> None:
        """Take an assignment over.

        A static member that was killed, and is back before its session is over, is given its assignment as it
        was, with the address that it had: Faust would stop there. It is right but for that, so it is gone on
        with, and the group is joined once more, for the others to learn the new one.
        """
        metadata = cast(ClientMetadata, ClientMetadata.loads(self._decompress(assignment.user_data)))
        old, new = metadata.url, str(self._url)
        if old != new:
            log.info("Back in the group, which knows this worker as %s, as %s: joining once more", old, new)
            metadata.url = new
            for places in (metadata.changelog_distribution, metadata.external_topic_distribution):
                if old in places:
                    places[new] = places.pop(old)
            assignment.user_data = self._compress(metadata.dumps())
            cast(Any, self.app.consumer).join_again()
        super().on_assignment(assignment)
