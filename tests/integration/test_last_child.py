"""Pausing "the last child" of a series pauses what is coming, however long ago its last child was made."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fs_app.domain.enums import EventStatus
from fs_app.store.models import Alarm, Event
from fs_app.store.occurrences import Occurrences
from tests.rest_client import NOW, Api, new_alarm, new_calendar, new_event


def test_the_coming_occurrence_is_paused_even_before_its_time_to_be_made(api: Api) -> None:
    daily = next(rule["url"] for rule in api.get("rule/")["results"] if rule["name"] == "Daily")
    event = new_event(api, new_calendar(api), start="2026-03-02 12:30:00", rule=daily)
    new_alarm(api, event)
    master = int(event["url"].rstrip("/").rsplit("/", 1)[1])
    api.refused("PATCH", f"event/{master}/update_last_child_status/", {"status": "3"}, status=404)
    occurrences = Occurrences(api.store, ZoneInfo("UTC"))
    api.clock.advance(25 * 3600)  # 3 March, 12:00 in Paris: half an hour before the first child, which is made by now
    api.in_thread(occurrences.make_due, api.clock.now())
    api.clock.advance(3600)  # 13:00: that child has begun, the next is tomorrow's
    assert api.patch(f"event/{master}/update_last_child_status/", {"status": "3"}) == {
        "status": "event status has been updated"
    }
    with api.store.reading():
        children = list(Event.select().where(Event.parent_event == master).order_by(Event.start))
        assert [(c.start.day, c.status) for c in children] == [(3, EventStatus.PENDING), (4, EventStatus.PAUSED)]
        assert Alarm.get(Alarm.event == children[1]).due_at is None
    assert children[0].start > NOW
