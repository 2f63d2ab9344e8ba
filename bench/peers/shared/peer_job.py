"""What the harness asks of a run, as a peer's process gets it: one JSON object on its command line."""

import json
import sys
from pathlib import Path
from typing import NamedTuple


class PeerJob(NamedTuple):
    """One run: where to read and write, and how visits are cut. Times are in milliseconds."""

    bootstrap: str
    input_topic: str
    output_topic: str
    partitions: int
    group: str
    state_dir: str
    key_events: list[str]
    gap_ms: int
    lateness_ms: int

    @property
    def state(self) -> Path:
        """A folder for the state of this run alone."""
        return Path(self.state_dir)


def peer_job() -> PeerJob:
    """The job on the command line of this process."""
    return PeerJob(**json.loads(sys.argv[1]))
