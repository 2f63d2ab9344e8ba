"""Writes docs/metrics.md anew: `python -m stream.metrics docs/metrics.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from stream.metrics.reference import reference

Path(sys.argv[1]).write_text(reference())
