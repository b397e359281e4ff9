"""Server-sent events: who is told what, what a broken connection missed, and what ends a stream."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gevent.event import Event

from fs_app.domain.calls import Answer
from fs_app.domain.enums import AlarmResult, CallStatus
from fs_app.store.journal import CallJournal
from fs_app.store.models import Alarm, AlarmRequest, CallRequest, SealedSurvey, User
from httpapi import live as live_module
from tests.rest_client import NOW, Api, basic, new_alarm, new_calendar, new_event, new_survey

Events = list[tuple[str, str, dict[str, Any]]]


class Stream:
    """One listener. Its connection is read in native threads while the server's loop turns."""

    def __init__(self, api: Api, user: str, query: str = "", last_id: str = "") -> None:
        self._api = api
        self._connection = http.client.HTTPConnection("127.0.0.1", api.server.port, timeout=20)
        headers = {"Authorization": basic(user, user), **({"Last-Event-ID": last_id} if last_id else {})}
        self._connection.request("GET", f"/rest-api/live/{query}", headers=headers)
        self._answer = api.in_thread(self._connection.getresponse)
        self.status = self._answer.status
        assert self._answer.headers["Content-Type"].startswith("text/event-stream")
        assert self.line() == "retry: 3000"
        self.line()

    def line(self) -> str:
        return str(self._api.in_thread(self._answer.readline), "utf-8").rstrip("\n")

    def next(self) -> tuple[str, str, dict[str, Any]]:
        """Kind, id and data of the next event."""
        fields: dict[str, str] = {}
        while True:
            line = self.line()
            if not line and fields:
                return fields["event"], fields["id"], json.loads(fields["data"])
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value

    def ended(self) -> bool:
        while not self._answer.isclosed():
            if self.line() == "":
                rest = self._api.in_thread(self._answer.read)
                assert rest == b"", rest
                return True
        return True

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


@pytest.fixture
def listen(api: Api) -> Iterator[Callable[..., Stream]]:
    opened: list[Stream] = []

    def start(user: str, query: str = "", last_id: str = "") -> Stream:
        opened.append(Stream(api, user, query, last_id))
        return opened[-1]

    yield start
    for stream in opened:
        stream.close()


def new_call(api: Api, alarm: dict[str, Any], uuid: str = "call-1") -> int:
    with api.store.transaction():
        call = CallRequest.create(
            request_uuid=uuid,
            call_time=NOW,
            status=CallStatus.CALLING.value,
            phone_number="15550100001",
            survey=SealedSurvey.select().first(),
            user=api.ids["practice"],
            dialled_at=NOW,
            created_date=NOW,
        )
        number = int(alarm["url"].rstrip("/").rpartition("/")[2])
        AlarmRequest.create(alarm=number, attempt=1, callrequest=call, date=NOW, created_date=NOW)
    return int(call.id)


@pytest.fixture
def alarm(api: Api) -> dict[str, Any]:
    new_survey(api)
    return new_alarm(api, new_event(api, new_calendar(api)))


def press_1(api: Api) -> None:
    journal = CallJournal(api.store)
    api.in_thread(journal.open_call, "call-1", NOW)
    answer = Answer(0, 1, "1", True, "1", AlarmResult.CONFIRMED)
    api.in_thread(journal.save_answer, "call-1", answer, NOW)


def test_a_call_a_key_and_a_result(api: Api, alarm: dict[str, Any], listen: Callable[..., Stream]) -> None:
    manager, practice, root = listen("manager"), listen("practice"), listen("root")
    rival = listen("rival")
    call = new_call(api, alarm)
    api.live.changed("call-1")
    for stream in (manager, practice, root):
        kind, _, told = stream.next()
        assert (kind, told["state"], told["phone_number"]) == ("call", "dialling", "15550100001")
        assert told["call"] == api.url("callrequest", call)
        assert told["alarm"] == alarm["url"]
        assert stream.next()[0] == "result"
    api.live.changed("call-1", ringing=True)
    api.live.changed("call-1")  # something else was committed: it rings on
    for stream in (manager, practice, root):
        assert stream.next()[2]["state"] == "ringing"
    press_1(api)
    api.live.changed("call-1")
    api.live.changed("call-1")  # told once all the same
    kinds = [manager.next() for _ in range(3)]
    assert [kind for kind, _, _ in kinds] == ["call", "key", "result"]
    assert kinds[0][2]["state"] == "answered"
    assert (kinds[1][2]["digits"], kinds[1][2]["valid"], kinds[1][2]["result"]) == ("1", True, 1)
    assert kinds[2][2]["result"] == 1
    # A rival heard nothing of it: the first thing it is told is its own.
    with api.store.transaction():
        CallRequest.create(
            request_uuid="theirs", call_time=NOW, phone_number="1", survey=1, user=api.ids["other"], created_date=NOW
        )
    api.live.changed("theirs")
    assert rival.next()[2]["request_uuid"] == "theirs"


def test_filters(api: Api, alarm: dict[str, Any], listen: Callable[..., Stream]) -> None:
    keys, elsewhere = listen("manager", "?kinds=key"), new_calendar(api)
    nothing = listen("manager", f"?calendar={elsewhere['url'].rstrip('/').rpartition('/')[2]}")
    new_call(api, alarm)
    press_1(api)
    api.live.changed("call-1")
    assert keys.next()[0] == "key"
    assert len(api.live._listeners) == 2
    api.live.close()
    assert nothing.ended()
    assert api.refused("GET", "live/?kinds=noise&colour=red") == {
        "kinds": ["give some of call, key, result, separated by commas"],
        "colour": ["no such filter: this stream takes kinds, calendar"],
    }
    assert api.refused("GET", f"live/?calendar={elsewhere['url'].rstrip('/')[-1]}", user="rival", status=404)


def test_whoever_comes_back_is_told_what_it_missed(
    api: Api, alarm: dict[str, Any], listen: Callable[..., Stream]
) -> None:
    first = listen("manager")
    new_call(api, alarm)
    api.live.changed("call-1")
    _, name, _ = first.next()
    first.close()
    again = listen("manager", last_id=name)
    assert again.next()[0] == "result"
    kind, _, told = listen("manager", last_id="elsewhere-7").next()
    assert (kind, list(told)) == ("reset", ["detail"])


def test_a_stream_ends_with_what_let_it_in(
    api: Api, listen: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "HEARTBEAT", 0.05)
    stream = listen("manager")
    assert stream.line() == ": nothing new"
    with api.store.transaction():
        User.update(is_active=False).where(User.username == "manager").execute()
    assert stream.ended()


def test_listeners_are_limited(api: Api, listen: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "LISTENERS_EACH", 2)
    other, oldest, newer = listen("practice"), listen("manager"), listen("manager")
    newest = listen("manager")
    # The page that was opened first gives way, and is asked not to push the others out in turn.
    assert (oldest.line(), oldest.ended()) == ("retry: 60000", True)
    monkeypatch.setattr(live_module, "LISTENERS", 3)
    assert api.send("GET", "live/", user="rival").status == 503
    assert api.send("GET", "live/", user=None).status == 401
    assert api.send("HEAD", "live/").status == 200
    api.live.close()
    for stream in (other, newer, newest):
        assert stream.ended()


def test_a_listener_that_goes_is_noticed_at_once(
    api: Api, listen: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with the next thing there is to say, nor with the next heartbeat: its place is somebody else's."""
    monkeypatch.setattr(live_module, "HEARTBEAT", 3600.0)
    gone = Event()

    class Listeners(dict[live_module.Listener, None]):
        def pop(self, *args: Any) -> Any:
            gone.set()
            return super().pop(*args)

    monkeypatch.setattr(api.live, "_listeners", Listeners())
    stays, goes = listen("manager"), listen("manager")
    goes.close()
    assert gone.wait(10)
    assert len(api.live._listeners) == 1
    api.live.close()
    assert stays.ended()


def test_a_listener_that_does_not_keep_up_is_let_go(api: Api, alarm: dict[str, Any]) -> None:
    listener = live_module.Listener(1, lambda _event: True, lambda: True, api.base)
    stream = api.live.stream(listener, "")
    assert next(stream) == b"retry: 3000\n\n"
    next(stream)
    new_call(api, alarm)
    event = live_module.LiveEvent("call", frozenset(), None, {})
    for _ in range(live_module.WAITING + 1):
        api.live._tell(event)
    assert list(stream) == []
    assert Alarm.select().count() == 1
