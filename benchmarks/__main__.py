"""``python -m benchmarks`` (``make bench``): every benchmark of this folder, one after the other, each in a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run them all; 0 unless one broke. A benchmark that lacks a peer says so and goes on."""
    broken = 0
    for script in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        print(f"\n== {script.stem}: {script.name}", flush=True)
        broken += subprocess.run([sys.executable, str(script)], check=False).returncode != 0
    return int(broken > 0)


sys.exit(main())
