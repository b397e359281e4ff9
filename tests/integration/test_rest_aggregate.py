"""What callees answered, counted; and sound in parts."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

from fs_app.domain.enums import Outcome
from fs_app.store.models import CallRequest, SealedSurvey, SurveyAnswer
from httpapi.ranges import sound
from httpapi.web import Request
from tests.integration.test_rest_matrix import sound as wave_file
from tests.rest_client import NOW, Api, new_survey


def call(
    api: Api, number: int, *, answered: bool = True, answers: tuple[tuple[int, str, int | None], ...] = ()
) -> None:
    with api.store.transaction():
        row = CallRequest.create(
            request_uuid=f"u{number}",
            call_time=NOW + timedelta(hours=number),
            phone_number="1",
            survey=1,
            user=api.ids["practice"],
            dialled_at=NOW,
            answered_at=NOW if answered else None,
            outcome=(Outcome.ANSWERED if answered else Outcome.BUSY).value,
            duration=10 * number,
            completed=bool(answers),
            result=answers[-1][2] or 0 if answers else 0,
            created_date=NOW,
        )
        for position, (section, response, result) in enumerate(answers):
            valid = response != "?"
            SurveyAnswer.create(
                callrequest=row,
                position=position,
                survey=1,
                section_id=section,
                digits="9",
                valid=valid,
                response=response if valid else "",
                result=result,
                created_date=NOW,
            )


def test_counts_by_section_and_response(api: Api) -> None:
    survey = new_survey(api)
    with api.store.reading():
        first = survey["sections"][0]["id"]
        assert SealedSurvey.select().count() == 1
    empty = api.get("surveyaggregate/1/")
    assert empty["calls"] == {"placed": 0, "dialled": 0, "answered": 0, "responded": 0, "completed": 0}
    assert empty["rates"] == {"answered": None, "responded": None, "completed": None}
    call(api, 1, answers=((first, "1", 1),))
    call(api, 2, answers=((first, "?", None), (first, "1", 1)))
    call(api, 3, answers=((first, "2", 2),))
    call(api, 4)
    call(api, 5, answered=False)
    told = api.get("surveyaggregate/1/")
    assert told["survey"] == survey["url"]
    assert told["calls"] == {"placed": 5, "dialled": 5, "answered": 4, "responded": 3, "completed": 3}
    assert told["rates"] == {"answered": 0.8, "responded": 0.75, "completed": 0.75}
    assert told["results"] == {"none": 2, "confirmed": 2, "cancelled": 1, "rescheduled": 0}
    assert (told["times"]["average_seconds"], told["times"]["longest_seconds"]) == (25.0, 40)
    section = told["sections"][0]
    assert (section["question"], section["answers"], section["invalid"]) == ("Will you come?", 3, 1)
    assert section["responses"] == [
        {"response": "1", "result": 1, "count": 2, "share": 0.6667},
        {"response": "2", "result": 2, "count": 1, "share": 0.3333},
    ]
    some = api.get("surveyaggregate/1/?from=2026-03-02T12:30:00Z&to=2026-03-02T14:30:00Z")
    assert some["calls"]["placed"] == 2
    for who in ("rival", "practice"):
        assert api.send("GET", "surveyaggregate/1/", user=who).status == 404
    assert api.send("GET", "surveyaggregate/1/", user=None).status == 401
    assert api.refused("GET", "surveyaggregate/1/?from=x&page=1").keys() == {"from", "page"}
    assert api.send("GET", "surveyaggregate/2/").status == 404


def ask(**headers: str) -> Request:
    return Request(
        "GET", "/", "", "http", "x", "", "", "", b"", dict, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


@pytest.mark.parametrize(
    ("headers", "status", "body", "part"),
    [
        ({}, 200, b"0123456789", None),
        ({"range": "bytes=0-3"}, 206, b"0123", "bytes 0-3/10"),
        ({"range": "bytes=8-"}, 206, b"89", "bytes 8-9/10"),
        ({"range": "bytes=-2"}, 206, b"89", "bytes 8-9/10"),
        ({"range": "bytes=-99"}, 206, b"0123456789", "bytes 0-9/10"),
        ({"range": "bytes=5-99"}, 206, b"56789", "bytes 5-9/10"),
        ({"range": "bytes=10-"}, 416, b"", "bytes */10"),
        ({"range": "bytes=5-2"}, 416, b"", "bytes */10"),
        ({"range": "bytes=-0"}, 416, b"", "bytes */10"),
        ({"range": "bytes=0-1,3-4"}, 200, b"0123456789", None),
        ({"range": "lines=1-2"}, 200, b"0123456789", None),
        ({"range": "bytes=0-3", "if_range": '"old"'}, 200, b"0123456789", None),
        ({"range": "bytes=0-3", "if_range": '"t"'}, 206, b"0123", "bytes 0-3/10"),
        ({"if_none_match": '"t"'}, 304, b"", None),
    ],
)
def test_parts_of_a_sound(headers: dict[str, str], status: int, body: bytes, part: str | None) -> None:
    told = sound(ask(**headers), b"0123456789", "x", "t")
    assert (told.status, told.body, told.headers.get("Content-Range")) == (status, body, part)


def test_a_recording_is_heard_by_those_who_may(sqlite_api: Api) -> None:
    api = sqlite_api
    content = wave_file()
    made: dict[str, Any] = api.post("audio-files/", {"name": "x", "audio_file": content})
    path = made["url"].partition("/rest-api/")[2] + "content/"
    whole = api.send("GET", path)
    assert (whole.status, whole.headers["Accept-Ranges"], whole.body[:4]) == (200, "bytes", b"RIFF")
    assert base64.b64decode(content)[-100:] == whole.body[-100:]
    part = api.send("GET", path, headers={"Range": "bytes=0-3"})
    assert (part.status, part.body, part.headers["Content-Length"]) == (206, b"RIFF", "4")
    assert api.send("GET", path, user="rival").status == 404
