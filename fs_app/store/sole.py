"""One scheduler for one SQLite file, which the kernel sees to."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from fs_app.errors import ConfigError


def sole_scheduler(database: str) -> IO[bytes]:
    """The lock that makes this the only scheduler of a SQLite file; the kernel frees it at death.

    Raises ConfigError when another process holds it.
    """
    path = Path(database.removeprefix("sqlite:///") + ".scheduler.lock")
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ConfigError(
            f"another scheduler already runs on {database}: stop it, or use PostgreSQL to run several"
        ) from None
    os.set_inheritable(file.fileno(), False)
    return file
