"""What happened to the callees, one JSON line each, flushed before anything else happens.

Other processes count these lines after a crash, so a line is with the operating system before the switch goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any, TextIO

from fs_app.clock import Clock

OnEvent = Callable[[str, dict[str, Any]], None]


class Journal:
    """``record`` writes ``{"t": …, "uuid": …, "number": …, "what": …}`` and tells ``on_event(what, line)``.

    ``what`` is one of dialled, ringing, answered, heard, pressed, taken, recorded, hangup, command.
    """

    def __init__(self, clock: Clock, path: Path | None, on_event: OnEvent | None) -> None:
        self._clock = clock
        self._on_event = on_event
        self._file: TextIO | None = path.open("a", encoding="utf-8") if path else None

    def record(self, what: str, uuid: str, number: str, **more: object) -> None:
        line: dict[str, Any] = {
            "t": self._clock.now().astimezone(UTC).isoformat(),
            "uuid": uuid,
            "number": number,
            "what": what,
            **more,
        }
        if self._file:
            self._file.write(json.dumps(line, ensure_ascii=True) + "\n")
            self._file.flush()
        if self._on_event:
            self._on_event(what, line)

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
