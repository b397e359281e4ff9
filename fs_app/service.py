"""The composition root: builds the parts of one process, joins them, and stops them in order.

    HTTP (native threads) --commit, ring--> doorbell --> scheduler --originate--> switch
    switch --outbound socket--> IVR --keys, at once--> store

The loop's thread holds sockets, calls and decisions. Database work, HTTP requests and speech run in native threads.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import IO

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from fs_app.clock import Clock, SystemClock
from fs_app.config import Address, Settings, socket_list
from fs_app.database_wait import DatabaseWait
from fs_app.domain.enums import Kind
from fs_app.errors import ConfigError, FsAppError, PromptError
from fs_app.explain import Explainer
from fs_app.gateways import Door, Gateways, door_at, door_of
from fs_app.gathered import Gathered
from fs_app.loop_caller import LoopCaller, beside
from fs_app.notify.mail import MailSender
from fs_app.notify.notifier import Notifier
from fs_app.notify.sms import SmsSender
from fs_app.notify.webhook import WebhookSender
from fs_app.store.attempts import Attempts
from fs_app.store.database import Store
from fs_app.store.doorbell import CALL_CHANGED, DUE, IVR_ENDED, OUTBOX, RINGING, Doorbell
from fs_app.store.journal import CallJournal
from fs_app.store.occurrences import Occurrences
from fs_app.store.outbox_queue import OutboxQueue
from fs_app.store.sole import sole_scheduler
from fs_app.survey_servers import SurveyServers
from fs_app.switch.channel import Channel
from fs_app.switch.gate import Switch
from fs_app.switch.outbound import OutboundServer
from fs_app.told import ToldJournal, ToldPrompts
from fs_app.words import languages
from httpapi.app import make_app
from httpapi.ics_poller import Poller
from httpapi.live import LiveFeed
from httpapi.plugins import Surround
from httpapi.routes import registry
from httpapi.server import HttpServer
from httpapi.services import Services
from ivr.answering import answered
from ivr.callback import take_call
from ivr.keeping import KeepingJournal
from ivr.prompts import Prompts
from ivr.rehearsal import rehearse
from ivr.runner import warm_call
from ivr.speech_command import SpeechCommand, spoken
from ivr.voices import Voices
from scheduler.calls import LiveCalls
from scheduler.loop import Scheduler
from scheduler.observer import Observer, unobserved
from scheduler.plan import PlanSettings

log = logging.getLogger(__name__)

PARTS = frozenset({"http", "ivr", "scheduler"})
# Seconds after which a thread that calculates must let another one on. By default (0.005) a call, which waits for the
# database some fifty times, comes back 5 ms late each time while another thread reads 10,000 rows.
SWITCH_INTERVAL = 0.0005
DRAIN = 30.0  # seconds that a stopping process gives its live calls
_PREPARE = "prepare "  # a doorbell message: the IVR processes make the first words of this call


class Service:
    """One process. ``parts`` is any of ``http``, ``ivr``, ``scheduler``.

    Raises ConfigError when the parts cannot run together with what is there already.
    """

    def __init__(
        self,
        settings: Settings,
        parts: frozenset[str] = PARTS,
        *,
        clock: Clock | None = None,
        observer: Observer = unobserved,
    ) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.settings = settings
        self.parts = parts
        self.clock = clock or SystemClock()
        self._observer = observer
        self._lock: IO[bytes] | None = None
        self._failed = Event()
        self._loop = LoopCaller()
        self.store = Store(settings.database)
        self._database = DatabaseWait(self.store)
        self.doorbell = Doorbell(self.store, lambda message: self._loop.call(lambda: self._heard(message)))
        self._bell = Event()
        self._outbox_bell = Event()
        self.store.outbox_changed = self._outbox_changed
        journal = self.store.off_loop(CallJournal(self.store, settings.timezone))
        self._preview = Gathered(journal.previews)
        self.journal = ToldJournal(
            journal,
            self._ivr_ended,
            self._resulted,
            self._observe,
        )
        self.switches: list[Switch] = []
        self.prompts: Prompts | None = None
        self.keeper: KeepingJournal | None = None
        self.outbound: OutboundServer | None = None
        self.http: HttpServer | None = None
        self.live: LiveFeed | None = None
        self.poller: Poller | None = None
        self.calls: LiveCalls | None = None
        self.notifier: Notifier | None = None
        self._greenlets: list[gevent.Greenlet[[], None]] = []
        self._inside = settings.ivr == "embedded"
        if "ivr" in parts or ("scheduler" in parts and self._inside):
            # Inside the switch no words are made that could have been made before.
            self.prompts = self._build_prompts()
        if "ivr" in parts and self.prompts is not None:
            self._build_ivr(self.prompts)
        if "scheduler" in parts:
            self._build_scheduler()
        if "http" in parts:
            self._build_http()

    # ---- building

    def _build_prompts(self) -> Prompts:
        languages.load()
        prompts = ToldPrompts(
            self.settings.sounds,
            self._voices(),
            self.journal.load_audio,
            ThreadPool(4),
            limit=self.settings.sounds_limit,
            in_use=self.settings.time_limit + 300.0,
        )
        prompts.observe = self._observe
        return prompts

    def _build_ivr(self, prompts: Prompts) -> None:
        keeper = self.keeper = KeepingJournal(self.journal)

        def answer(channel: Channel) -> None:
            take_call(channel, keeper, prompts, self.clock, background=beside, answering=answered)

        self.outbound = OutboundServer(self.settings.outbound.host, self.settings.outbound.port, answer)

    def _say(self, words: str, language: str) -> bytes:
        """WAVE bytes of the words, for listening to them. Raises PromptError."""
        voice = self._voices().of(language)
        if not isinstance(voice, SpeechCommand):
            raise PromptError("the switch itself speaks this language: it is heard in calls only")
        return spoken(voice, words, language)

    def _voices(self) -> Voices:
        return Voices.of_settings(self.settings.tts, self.settings.voices)

    def _build_scheduler(self) -> None:
        settings = self.settings
        if self.store.sqlite:
            self._lock = sole_scheduler(settings.database)
        self.switches = [Switch(a.host, a.port, settings.esl_password, clock=self.clock) for a in settings.esl]
        self._servers = SurveyServers(settings.survey_servers, self.switches, self.clock)
        attempts = self.store.off_loop(Attempts(self.store, settings.timezone))
        self.calls = LiveCalls(
            attempts,
            self.switches,
            self.clock,
            lease=settings.lease,
            prepare=self._prepare,
            changed=self._call_ended,
            observer=self._observe,
        )
        for switch in self.switches:
            switch.subscribe(self.calls.on_event)
            switch.on_state(self._switch_changed(switch))
        self.notifier = Notifier(
            self.store.off_loop(OutboxQueue(self.store, settings.timezone)),
            {
                Kind.SMS: SmsSender(settings.sms_file),
                Kind.MAIL: MailSender(settings.smtp_url),
                Kind.WEBHOOK: WebhookSender(settings.webhook_networks),
            },
            self.clock,
            bell=self._outbox_bell,
            booked=self._bell.set,
            sole=self.store.sqlite,
        )

    def _build_http(self) -> None:
        self.live = LiveFeed(self.store)
        services = Services(
            store=self.store,
            clock=self.clock,
            default_zone=self.settings.timezone,
            wake=lambda: self.doorbell.ring_soon(DUE),
            health=self._health,
            live=self.live,
            proxies=self.settings.http_proxies,
            webhook_networks=self.settings.webhook_networks,
            explain=Explainer(self.store, self.settings),
            password_strength=self.settings.password_strength,
            rehearse=rehearse,
            gateway_states=Gateways(self._doors(), self._loop),
            speak=self._say,
        )
        surround = Surround(services, registry())
        self.poller = Poller(services, surround.registry)
        self.http = HttpServer(self.settings.http.host, self.settings.http.port, make_app(services, surround))

    def _doors(self) -> list[tuple[str, Door]]:
        """How the switches are asked: beside the scheduler through its connections."""
        if self.switches:
            return [door_of(switch) for switch in self.switches]
        return [door_at(address, self.settings.esl_password) for address in self.settings.esl]

    # ---- running

    def start(self, stop: Event | None = None) -> None:
        """Start every part; ports are bound when it returns.

        A database that is away is waited for, until ``stop`` is set. Meanwhile our ports are open: the API says that
        the database is away, and a callee hears so in words. Raises FsAppError (a port in use, a schema that is not
        this program's).
        """
        trouble = self._database.trouble()
        if self.outbound is not None:
            self.outbound.start()
        if self.http is not None:
            try:
                self.http.start()
            except OSError as exc:
                raise ConfigError(f"FS_APP_HTTP: cannot listen on {self.settings.http}: {exc}") from exc
        if trouble and not self._database.until_there(trouble, stop or Event()):
            return
        self.doorbell.start()
        if self.calls is not None:
            for switch in self.switches:
                switch.start()
            scheduler = Scheduler(
                self.store.off_loop(Attempts(self.store, self.settings.timezone)),
                self.store.off_loop(Occurrences(self.store, self.settings.timezone)),
                self.calls,
                self.switches,
                self.clock,
                PlanSettings("" if self._inside else socket_list(self.survey_servers()), self.settings.time_limit),
                bell=self._bell,
                lease=self.settings.lease,
                limits=self.settings.limits,
                sole=self.store.sqlite,
            )
            self._run(scheduler.run)
        if self.notifier is not None:
            self._run(self.notifier.run)
        if self.poller is not None:
            self._run(self.poller.run)

    def _run(self, part: Callable[[], None]) -> None:
        greenlet = gevent.spawn(part)
        greenlet.link(lambda _greenlet: self._failed.set())
        self._greenlets.append(greenlet)

    def survey_servers(self) -> tuple[Address, ...]:
        """Where the switch reaches whoever runs the surveys: FS_APP_OUTBOUND_ADVERTISE, else where we listen."""
        if self.outbound is not None and not self.settings.outbound_advertise:
            return (Address(self.settings.outbound.host, self.outbound.bound_port),)
        return self.settings.survey_servers

    def run_forever(self, stop: Event) -> int:
        """Until ``stop`` is set (0) or a part that must not end has ended (1); then stops everything."""
        gevent.wait([stop, self._failed], count=1)
        failed = self._failed.is_set()
        if failed:
            log.critical("a part that must not end has ended; stopping")
        self.stop(drain=0.0 if failed else DRAIN)
        return 1 if failed else 0

    def stop(self, drain: float = 0.0) -> None:
        """Claim no more, give live calls ``drain`` seconds, then leave. What is still up is recovered by the next
        process."""
        self._failed.clear()
        for greenlet in self._greenlets:
            greenlet.unlink_all()
            greenlet.kill()
        if self.poller is not None:
            self.poller.stop()
        if self.live is not None:
            self.live.close()
        if self.http is not None:
            self.http.stop()
        if self.calls is not None:
            gevent.with_timeout(drain, self._drained, self.calls, timeout_value=None)
            self.calls.stop()
        if self.notifier is not None:
            self.notifier.stop()
        if self.outbound is not None:
            self.outbound.stop()
        if self.keeper is not None:
            self.keeper.stop()
        for switch in self.switches:
            switch.stop()
        self.doorbell.stop()
        self.store.close()
        if self._lock is not None:
            self._lock.close()

    def _drained(self, calls: LiveCalls) -> None:
        while len(calls):
            self._bell.clear()
            self._bell.wait()

    # ---- joints

    def _observe(self, what: str, call_uuid: str, details: Mapping[str, object]) -> None:
        """What happens in calls, told to whoever asked for it and to those who listen over HTTP."""
        self._observer(what, call_uuid, details)
        if call_uuid:
            # That it rings is written down with its end; those who listen are told now.
            rings = RINGING if what == "ringing" else ""
            self.doorbell.ring_soon(CALL_CHANGED + call_uuid + rings)

    def _prepare(self, call_uuid: str) -> str:
        """Make the first words; returns the survey servers that the switch shall try, where they are others than us.

        Raises PromptError, which gives the claim back until later.
        """
        if self._inside:
            self._servers.inside()
        if self.prompts is not None:
            self._warm(call_uuid, self.prompts)
            return ""
        found = self._servers.listening()
        self.doorbell.ring_soon(_PREPARE + call_uuid)
        return found

    def _warm(self, call_uuid: str, prompts: Prompts) -> None:
        context = self._preview(call_uuid)
        if context is not None:
            warm_call(context, prompts, beside)

    def _call_ended(self) -> None:
        """There is room for another call."""
        self._bell.set()

    def _outbox_changed(self) -> None:
        """There is something to send: from any thread."""
        self._loop.call(self._outbox_bell.set)
        self.doorbell.ring_soon(OUTBOX)

    def _resulted(self) -> None:
        """A key has made a result: url_confirm and the like wait in the outbox."""
        if self.calls is not None:
            self._outbox_bell.set()
        else:
            self.doorbell.ring_soon(DUE)

    def _ivr_ended(self, call_uuid: str) -> None:
        if self.calls is not None:
            self.calls.on_ivr_ended(call_uuid)
        else:
            self.doorbell.ring_soon(IVR_ENDED + call_uuid)

    def _heard(self, message: str) -> None:
        if message.startswith(CALL_CHANGED) and self.live is not None:
            changed = message.removeprefix(CALL_CHANGED)
            self.live.changed(changed.removesuffix(RINGING), ringing=changed.endswith(RINGING))
        if message == OUTBOX or message.startswith(IVR_ENDED):
            self._outbox_bell.set()
        if message == DUE and self.poller is not None:
            self.poller.bell.set()
        if message == DUE:
            self._bell.set()
        elif message.startswith(IVR_ENDED) and self.calls is not None:
            self.calls.on_ivr_ended(message.removeprefix(IVR_ENDED))
        elif message.startswith(_PREPARE) and self.prompts is not None and self.calls is None:
            gevent.spawn(self._warm_quietly, message.removeprefix(_PREPARE), self.prompts)

    def _warm_quietly(self, call_uuid: str, prompts: Prompts) -> None:
        try:
            self._warm(call_uuid, prompts)
        except FsAppError as exc:
            log.error("call %s: words not made ahead: %s", call_uuid, exc)

    def _switch_changed(self, switch: Switch) -> Callable[[bool], None]:
        def changed(up: bool) -> None:
            log.info("switch %s is %s", switch.name, "up" if up else "down")
            if up and self.calls is not None:
                self.calls.on_switch_up(switch.name)
                self._bell.set()

        return changed

    def _health(self) -> Mapping[str, str]:
        """The state of each part of this process."""
        parts = {f"switch {s.name}": "ok" if s.up else "the event socket is not connected" for s in self.switches}
        if self.calls is not None:
            parts["scheduler"] = "it waits for the database" if self._database.going_on else "ok"
            if any(greenlet.dead for greenlet in self._greenlets):
                parts["scheduler"] = "it has ended"
        if self.outbound is not None:
            parts["ivr"] = "ok" if self.outbound.bound_port else "it does not listen"
        return parts
