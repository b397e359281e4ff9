"""Short messages: hands each to the driver of its gateway."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from fs_app.domain.phone import is_number
from fs_app.domain.sending import Delivered, Delivery, Message, Refused, Unreached
from fs_app.notify.sms_http import HttpSms
from fs_app.notify.sms_smpp import SmppSms

TEXT_MAX = 1600


class Driver(Protocol):
    """``values`` has ``to``, ``from``, ``text`` and ``key``. Blocks, for a bounded time."""

    def send(self, message: Message, values: Mapping[str, str], parameters: Mapping[str, Any]) -> Delivery: ...


class FileSms:
    """Appends each message to a file, one JSON object a line: for trying things out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, message: Message, values: Mapping[str, str], parameters: Mapping[str, Any]) -> Delivery:
        line = json.dumps({**values, "gateway": message.gateway.name if message.gateway else ""}, ensure_ascii=False)
        try:
            # One write with O_APPEND: lines of several processes do not mix.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, f"{line}\n".encode("utf-8", "replace"))
            finally:
                os.close(descriptor)
        except OSError as exc:
            return Unreached(f"{self._path} cannot be written: {exc.strerror}")
        return Delivered()


class SmsSender:
    """``file`` is where the driver ``file`` writes."""

    def __init__(self, file: Path, drivers: Mapping[str, Driver] | None = None) -> None:
        self._drivers = drivers or {"file": FileSms(file), "http": HttpSms(), "smpp": SmppSms()}

    def send(self, message: Message, now: datetime) -> Delivery:
        """Send it once. Blocks; never raises for what the service does."""
        gateway = message.gateway
        if gateway is None:
            return Unreached("no SMS gateway that is switched on: set one on the calendar setting")
        driver = self._drivers.get(gateway.driver)
        if driver is None:
            return Refused(f"the SMS gateway {gateway.name} has the unknown driver {gateway.driver}")
        if not is_number(message.destination):
            return Refused("the destination is not a telephone number")
        text = "".join(c for c in str(message.payload.get("text", "")) if c.isprintable() or c == "\n")[:TEXT_MAX]
        if not text.strip():
            return Refused("the message holds no words")
        sender = str(message.payload.get("sender") or gateway.parameters.get("sender") or "")
        values = {"to": message.destination, "from": sender, "text": text, "key": message.key}
        return driver.send(message, values, gateway.parameters)
