"""A listener to the live stream of a server in another process."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from tests.processes import PATIENCE
from tests.rest_client import basic


@dataclass(frozen=True)
class Heard:
    """One event, and when it had been read (Unix time)."""

    kind: str
    id: str
    data: dict[str, Any]
    at: float


class Listener:
    """Listens from the moment it is made. ``base`` is the address of the API."""

    def __init__(self, base: str, user: str, last_id: str = "") -> None:
        parts = urlsplit(base)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE)
        headers = {"Authorization": basic(user, user), **({"Last-Event-ID": last_id} if last_id else {})}
        self._connection.request("GET", f"{parts.path}live/", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.read()
        assert self._answer.readline() == b"retry: 3000\n"  # now it is one of those who listen
        self.heard: list[Heard] = []
        self._news: SimpleQueue[Heard] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        for raw in self._answer:
            line = raw.decode().rstrip("\n")
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                self._news.put(Heard(fields["event"], fields["id"], json.loads(fields["data"]), time.time()))
                fields = {}

    def until(self, wanted: Callable[[Heard], bool]) -> list[Heard]:
        """Everything heard so far, the last of which is wanted."""
        while not (self.heard and wanted(self.heard[-1])):
            try:
                self.heard.append(self._news.get(timeout=PATIENCE))
            except Empty:
                raise AssertionError(f"not heard; this was: {self.heard}") from None
        return self.heard

    def close(self) -> None:
        self._answer.close()
        self._connection.close()
