"""`python -m stream.schemas FOLDER`: writes the schemas there."""

from __future__ import annotations

import sys
from pathlib import Path

from stream.schemas import write

if len(sys.argv) != 2:
    sys.exit("usage: python -m stream.schemas FOLDER (in the repository: schemas/)")
for path in write(Path(sys.argv[1])):
    sys.stdout.write(f"{path}\n")
