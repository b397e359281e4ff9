"""The ways in which this switch can be told to be a bad one."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any

from fs_app.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """All off by default. Seconds are divided by the simulator's ``speed`` like every duration."""

    fragment: bool = False  # every byte in a packet of its own
    close_after_frames: int = 0  # each new connection breaks in the middle of the frame after this many; 0 never
    delay_completion: float = 0.0  # CHANNEL_EXECUTE_COMPLETE comes this many seconds late
    drop_completion: str = ""  # CHANNEL_EXECUTE_COMPLETE of this application never comes; "*" of any
    refuse_auth: bool = False  # even the right password is wrong
    reorder_hangup: bool = False  # a failed originate's BACKGROUND_JOB and CHANNEL_HANGUP_COMPLETE change places
    slow_bgapi: float = 0.0  # seconds until bgapi is acknowledged
    silent: bool = False  # takes bytes, answers nothing, sends nothing: a hung switch

    def changed(self, text: str) -> Misbehaviour:
        """A copy with the fields of a JSON object. Raises InvalidInput naming a field that is none of ours."""
        try:
            wanted: dict[str, Any] = json.loads(text or "{}")
        except ValueError as error:
            raise InvalidInput("misbehave", f"give a JSON object: {error}") from error
        if not isinstance(wanted, dict):
            raise InvalidInput("misbehave", "give a JSON object")
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise InvalidInput(name, f"no such misbehaviour: one of {', '.join(known)}")
            kind = known[name]
            if kind is float and type(value) is int:
                wanted[name] = float(value)
            elif type(value) is not kind:
                raise InvalidInput(name, f"give a {kind.__name__}")
        return replace(self, **wanted)
