"""What the API is given by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fs_app.clock import Clock
from fs_app.domain.history import Explanation
from fs_app.domain.rehearsal import Rehearse
from fs_app.notify.address import Network
from fs_app.store.database import Store
from fs_app.switch.gateway_state import GatewayState
from httpapi.live import LiveFeed


@dataclass(frozen=True)
class Services:
    """``wake`` and ``health`` are called from native threads, never from a greenlet.

    ``wake`` is called after a commit that may change what is due: it must return at once. ``health`` tells the state
    of each part, ``"ok"`` or what is wrong with it, and must not block for long. ``default_zone`` is that of calendars
    without one of their own. ``live`` is the feed of this process. ``proxies`` are the networks of our own proxies,
    whose word about the address of a client is taken. ``webhook_networks`` are the private networks that webhooks may
    go to all the same. ``password_strength`` is what new passwords must have; 0 is off.
    ``explain(alarm_id, now)`` tells the story of an alarm; it comes from where the scheduler's own decisions can be
    asked, which this room does not know. ``rehearse`` goes through a survey without a telephone, ``speak`` makes WAVE
    bytes of (words, language), ``gateway_states`` asks every switch how the gateways of these dial strings are there;
    None where this process cannot.
    """

    store: Store
    clock: Clock
    default_zone: ZoneInfo
    wake: Callable[[], None]
    health: Callable[[], Mapping[str, str]]
    live: LiveFeed
    proxies: Sequence[Network] = ()
    webhook_networks: Sequence[Network] = ()
    explain: Callable[[int, datetime], Explanation] | None = None
    password_strength: int = 0
    rehearse: Rehearse | None = None
    speak: Callable[[str, str], bytes] | None = None
    gateway_states: Callable[[Sequence[str]], Mapping[str, Sequence[tuple[str, GatewayState]]]] | None = None
