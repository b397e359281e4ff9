"""Every call that reaches the IVR: one that we placed, or somebody who calls back the number that rang them."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol

from fs_app.clock import Clock
from fs_app.domain.calls import CallContext
from fs_app.domain.enums import IvrEnd
from fs_app.errors import SwitchError
from fs_app.switch.channel import Channel, ChannelHungUp
from ivr import ports
from ivr.runner import run_call

log = logging.getLogger(__name__)

CALL = "fs_app_call"  # the channel variable that names a call of ours; every originate sets it
LANGUAGE = "fs_app_language"  # the dialplan may say in it what is spoken to callers nobody knows


class Journal(ports.Journal, Protocol):
    """A call journal that also knows whose reminder waits."""

    def open_callback(
        self, caller_number: str, called_number: str, call_uuid: str, now: datetime
    ) -> CallContext | None:
        """The reminder that waits for that caller ID, on record as a call of its own; None when none waits."""
        ...


class Prompts(ports.Prompts, Protocol):
    """Prompts that also have a word for callers for whom nothing waits."""

    def no_message(self, language: str) -> str:
        """The file of that sentence; needs nothing that could break."""
        ...


def take_call(
    channel: Channel,
    journal: Journal,
    prompts: Prompts,
    clock: Clock,
    *,
    background: ports.Background = ports.never,
    answering: ports.Answering | None = None,
) -> IvrEnd | None:
    """Run what this call is for: the survey it was placed with, or the reminder that waits for whoever calls us.

    A caller for whom nothing waits hears so, and the line ends; so it does, with the apology, when the database does
    not answer. ``answering`` is asked about calls that we placed: who calls us is a person. Returns and books as
    :func:`ivr.runner.run_call`; None also for a caller for whom nothing waits. Raises nothing.
    """
    if channel.variable(CALL):
        return run_call(channel, journal, prompts, clock, background=background, answering=answering)
    language = channel.variable(LANGUAGE) or "en"
    try:
        context = journal.open_callback(channel.caller_number, channel.called_number, channel.uuid, clock.now())
    except Exception as error:
        log.error("call %s from outside: %s", channel.uuid, error, exc_info=error)
        say_and_hang_up(channel, prompts.apology(language))
        return IvrEnd.ERROR
    if context is None:
        log.info("call %s: nothing waits for this caller", channel.uuid)
        say_and_hang_up(channel, prompts.no_message(language))
        return None
    try:
        # Its alarm is not dialled while this call may be up: so there must be an end to it.
        channel.hangup_after(context.time_limit)
    except (ChannelHungUp, SwitchError) as error:
        log.info("call %s: its length is not limited: %s", channel.uuid, error)  # over: run_call finds out and books it
    return run_call(channel, journal, prompts, clock, background=background)


def say_and_hang_up(channel: Channel, file: str) -> None:
    """Answer, say one thing, end the call. Raises nothing."""
    try:
        channel.answer()
        channel.play([file])
    except ChannelHungUp:
        return
    except Exception:
        log.exception("call %s: %s could not be played", channel.uuid, file)
    try:
        channel.hangup()
    except Exception:
        log.exception("call %s could not be hung up", channel.uuid)
