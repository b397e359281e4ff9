"""The example survey that a newcomer may take over: made through the API like any other."""

from __future__ import annotations

from httpapi.console.rest import Rest, id_of

_GREETING = (
    "Hello. This is a reminder of your appointment: {event_title}, on {event_date} at {event_time}. "
    "Press 1 to confirm, 2 to cancel, or 3 to choose another time."
)
_ANSWERS = (
    ("1", "Confirmed", "Thank you. Your appointment is confirmed. Goodbye."),
    ("2", "Cancelled", "Your appointment is cancelled. Goodbye."),
    ("3", "Another time", "Thank you. We will call you to find another time. Goodbye."),
)


def make(rest: Rest) -> int:
    """The new survey's id. Raises ApiError."""
    survey = rest.create("survey-template", {"name": "Appointment reminder", "tts_language": "en"})["url"]
    ask = rest.create(
        "section-template",
        {
            "survey": survey,
            "type": 3,
            "order": 1,
            "question": "Will you come?",
            "script": _GREETING,
            "rating_laps": 3,
            "retries": 1,
            "timeout": 8,
        },
    )["url"]
    for order, (key, name, words) in enumerate(_ANSWERS, start=2):
        section = {"survey": survey, "type": 1, "order": order, "question": name, "script": words, "completed": True}
        thanks = rest.create("section-template", section)["url"]
        rest.create("branching-template", {"section": ask, "keys": key, "goto": thanks})
    return id_of(survey) or 0
