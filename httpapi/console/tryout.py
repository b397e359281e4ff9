"""Trying a survey without a telephone: a keypad whose keys are links, and the voice to listen to."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from fs_app.domain.rehearsal import SILENCE
from fs_app.errors import FsAppError
from httpapi.console import flow, samples
from httpapi.console.builder import address, survey_as_it_is
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.plugins import row_id
from httpapi.web import Response

_ENTRIES_MAX = 60
SPEAK_MAX = 1000


def keypad(view: View, arguments: Mapping[str, str]) -> Response:
    survey_id = row_id(arguments)
    survey = survey_as_it_is(view, survey_id)
    rehearse = view.services.rehearse
    if rehearse is None:
        raise ApiError(503, {"detail": "Surveys cannot be tried in this process."})
    pressed = [one for one in view.query.get("keys", "").split(",") if one][:_ENTRIES_MAX]
    pressed = [one for one in pressed if one == SILENCE or (one.isascii() and set(one) <= set("0123456789*#"))]
    if new := view.query.get("entry", "").strip():
        pressed += [new] if set(new) <= set("0123456789*#") else []
    found = rehearse(survey, samples.tags(view, survey.to_json()), pressed) if survey.sections else None
    base = f"{address(survey_id)}try/"

    def after(key: str) -> str:
        return f"{base}?" + urlencode({"keys": ",".join([*pressed, key])}) + "#keypad"

    return view.page(
        "try.html",
        survey=survey,
        survey_id=survey_id,
        found=found,
        keys=[(key, after(key)) for key in "123456789*0#"],
        silence=after(SILENCE),
        back=f"{base}?" + urlencode({"keys": ",".join(pressed[:-1])}) if pressed else "",
        so_far=",".join(pressed),
        base=base,
        names={s.id: s.question or f"Section {s.id}" for s in survey.sections},
        picture=flow.picture(survey, f"{address(survey_id)}section/", here=found.section_id if found else None),
        can_speak=view.services.speak is not None,
    )


def speak(view: View, _arguments: Mapping[str, str]) -> Response:
    """The words as the built-in voice says them."""
    words = view.query.get("words", "").strip()
    language = view.query.get("language", "en")
    if view.services.speak is None or not words or len(words) > SPEAK_MAX or "\0" in words:
        raise ApiError(400, {"detail": f"There is nothing to say: give up to {SPEAK_MAX} characters."})
    try:
        sound = view.services.speak(words, language)
    except FsAppError as exc:
        raise ApiError(400, {"detail": f"The voice cannot say this: {exc}"}) from exc
    return Response(200, sound, {"Content-Type": "audio/wav"})


def listen(view: View, arguments: Mapping[str, str]) -> Response:
    """A recording, played in the browser."""
    return view.rest.act_raw("audio-files", row_id(arguments), "content")


def listen_to_answer(view: View, arguments: Mapping[str, str]) -> Response:
    """What a callee said."""
    return view.rest.act_raw("recording", row_id(arguments), "content")
