"""The API on a free port, and a client that talks real HTTP to it.

The server lives in the test's own gevent loop; every request is made in a native thread while that loop turns.
"""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from gevent.threadpool import ThreadPool

from fs_app.domain.enums import Role
from fs_app.domain.history import Explanation
from fs_app.notify.address import Network
from fs_app.passwords import hash_password
from fs_app.store.database import Store
from fs_app.store.models import CalendarUserProfile, User
from httpapi.app import make_app
from httpapi.live import LiveFeed
from httpapi.plugins import Surround
from httpapi.routes import registry
from httpapi.server import HttpServer
from httpapi.services import Services
from ivr.rehearsal import rehearse

Explain = Callable[[int, datetime], Explanation]
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


class TestClock:
    """Stands still until told otherwise."""

    __test__ = False

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.seconds += seconds


def spoken(words: str, language: str) -> bytes:
    """Stands in for a voice: what it was asked to say."""
    return f"{language}: {words}".encode()


@cache
def hashed(password: str) -> str:
    """One hash per password and test run: hashing is slow on purpose."""
    return hash_password(password)


resources = cache(registry)  # nothing in them changes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    """Users (password = user name): ``root`` superuser; ``manager`` with ``practice``; ``rival`` with ``other``."""

    def __init__(self, store: Store, webhook_networks: Sequence[Network] = (), explain: Explain | None = None) -> None:
        self.store = store
        self.clock = TestClock()
        self.rung = 0
        self.parts = {"database": "ok"}
        self.ids: dict[str, int] = {}
        self.live = LiveFeed(store)
        self.services = Services(
            store,
            self.clock,
            ZoneInfo("Europe/Paris"),
            self._wake,
            lambda: self.parts,
            self.live,
            webhook_networks=webhook_networks,
            explain=explain,
            rehearse=rehearse,
            speak=spoken,
        )
        self.surround = Surround(self.services, resources())
        self.app = make_app(self.services, self.surround)
        self.server = HttpServer("127.0.0.1", 0, self.app, threads=4)
        self.server.start()
        self._threads = ThreadPool(8)
        with store.transaction():
            self._user("root", Role.SUPERUSER)
            for manager, below in (("manager", "practice"), ("rival", "other")):
                self._user(manager, Role.MANAGER)
                self._user(below, Role.CALENDAR_USER, self.ids[manager])

    def _user(self, name: str, role: Role, manager: int | None = None) -> None:
        row = User.create(
            username=name, password=hashed(name), role=role.value, manager=manager, email="", created_date=NOW
        )
        self.ids[name] = row.id
        if manager is not None:
            CalendarUserProfile.create(user=row.id, manager=manager, created_date=NOW, updated_date=NOW)

    def _wake(self) -> None:
        self.rung += 1

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/rest-api/"

    def url(self, path: str, row_id: int) -> str:
        return f"{self.base}{path}/{row_id}/"

    def in_thread(self, function: Any, *arguments: Any) -> Any:
        """Run something that blocks while the server's loop turns."""
        return self._threads.apply(function, arguments)

    def all_at_once(self, function: Any, arguments: list[Any]) -> list[Any]:
        return list(self._threads.map(function, arguments))

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        user: str | None = "manager",
        password: str | None = None,
    ) -> Answer:
        """One request. ``path`` is relative to ``/rest-api/`` unless it begins with a slash."""
        return self.in_thread(self.send_here, method, path, body, headers, user, password)  # type: ignore[no-any-return]

    def send_here(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        user: str | None = "manager",
        password: str | None = None,
    ) -> Answer:
        """The same from the calling thread, which must not be the loop's."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if user is not None:
            sent["Authorization"] = basic(user, user if password is None else password)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            content = body.encode() if isinstance(body, str) else body
            connection.request(method, path if path.startswith("/") else "/rest-api/" + path, content, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, user: str = "manager") -> Any:
        answer = self.send("GET", path, user=user)
        assert answer.status == 200, answer
        return answer.json()

    def post(self, path: str, fields: Mapping[str, Any], user: str = "manager") -> Any:
        answer = self.send("POST", path, json.dumps(fields), user=user)
        assert answer.status == 201, answer
        return answer.json()

    def patch(self, path: str, fields: Mapping[str, Any], user: str = "manager") -> Any:
        answer = self.send("PATCH", path, json.dumps(fields), user=user)
        assert answer.status == 200, answer
        return answer.json()

    def refused(self, method: str, path: str, fields: Any = None, user: str = "manager", status: int = 400) -> Any:
        """What a request that must fail is told."""
        answer = self.send(method, path, None if fields is None else json.dumps(fields), user=user)
        assert answer.status == status, answer
        return answer.json()

    def curl(self, arguments: list[str]) -> str:
        """Run a curl command line; what it printed."""
        command = ["curl", "--silent", "--show-error", "--max-time", "30", *arguments]
        done = self.in_thread(lambda: subprocess.run(command, capture_output=True, check=True))
        return str(done.stdout, "utf-8")

    def close(self) -> None:
        self.live.close()
        self.server.stop()
        self._threads.kill()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def new_survey(api: Api, user: str = "manager") -> dict[str, Any]:
    """A sealed survey with a rating question: 1 confirms, 2 cancels."""
    template = api.post("survey-template/", {"name": "reminder", "tts_language": "en"}, user)
    question = api.post(
        "section-template/",
        {
            "survey": template["url"],
            "type": 3,
            "order": 1,
            "question": "Will you come?",
            "script": "Hello {name}, press 1 to confirm or 2 to cancel.",
            "rating_laps": 3,
        },
        user,
    )
    thanks = api.post(
        "section-template/",
        {"survey": template["url"], "type": 1, "order": 2, "script": "Thank you. Goodbye.", "completed": True},
        user,
    )
    for keys in ("any", "timeout", "invalid"):
        api.post("branching-template/", {"section": question["url"], "keys": keys, "goto": thanks["url"]}, user)
    api.post("branching-template/", {"section": thanks["url"], "keys": "0", "goto": None}, user)
    answer = api.send("POST", template["url"].split("/rest-api/")[1] + "seal/", user=user)
    assert answer.status == 201, answer
    sealed: dict[str, Any] = answer.json()
    return sealed


def new_gateway(api: Api, name: str = "provider") -> dict[str, Any]:
    gateway: dict[str, Any] = api.post("gateway/", {"name": name, "gateways": "sofia/gateway/provider/"}, "root")
    return gateway


def new_calendar(api: Api, owner: str = "practice", user: str = "manager", **fields: Any) -> dict[str, Any]:
    values = {"name": "appointments", "user": api.ids[owner], **fields}
    calendar: dict[str, Any] = api.post("calendar/", values, user)
    return calendar


def new_event(
    api: Api, calendar: Mapping[str, Any], owner: str = "practice", user: str = "manager", **fields: Any
) -> dict[str, Any]:
    values = {
        "title": "Check-up",
        "start": "2026-03-10 09:00:00",
        "creator": api.ids[owner],
        "calendar": calendar["url"],
        **fields,
    }
    event: dict[str, Any] = api.post("event/", values, user)
    return event


def new_alarm(api: Api, event: Mapping[str, Any], user: str = "manager", **fields: Any) -> dict[str, Any]:
    alarm: dict[str, Any] = api.post(
        "alarm/", {"event": event["url"], "alarm_phonenumber": "+1 555 010-0001", **fields}, user
    )
    return alarm
