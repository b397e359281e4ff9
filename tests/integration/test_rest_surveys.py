"""Writing surveys over REST: languages, order, copies, files that travel, and what a sealed one never forgets."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from fs_app.domain.survey import Survey
from fs_app.store.models import AudioFile, SealedSurvey, SectionTemplate
from tests import sounds
from tests.rest_client import Api

MP3 = sounds.encoded(sounds.tone(), "mp3", "libmp3lame")


def path_of(row: dict[str, Any]) -> str:
    return str(row["url"]).partition("/rest-api/")[2]


def upload(api: Api, name: str = "hello", content: bytes = MP3, user: str = "manager") -> dict[str, Any]:
    body = {"name": name, "audio_file": base64.b64encode(content).decode()}
    made: dict[str, Any] = api.post("audio-files/", body, user)
    return made


def written(api: Api, user: str = "manager") -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A template with two sections, of which the first is heard in two languages."""
    template = api.post("survey-template/", {"name": "Rappel", "tts_language": "en"}, user)
    french = upload(api, "bonjour", user=user)
    ask = api.post(
        "section-template/",
        {
            "survey": template["url"],
            "type": 3,
            "order": 1,
            "question": "Coming?",
            "script": "On {event_date}?",
            "rating_laps": 2,
            "translations": {
                "fr_CA": {"script": "", "audiofile": french["url"]},
                "es": {"script": "¿El {event_date}?"},
            },
        },
        user,
    )
    bye = api.post(
        "section-template/",
        {"survey": template["url"], "type": 1, "order": 2, "script": "Bye.", "completed": True},
        user,
    )
    for keys in ("any", "timeout", "invalid"):
        api.post("branching-template/", {"section": ask["url"], "keys": keys, "goto": bye["url"]}, user)
    return template, ask, bye


# -- languages


def test_translations_are_kept_shown_and_sealed(api: Api) -> None:
    template, ask, _bye = written(api)
    (audio,) = api.get("audio-files/")["results"]
    assert ask["translations"]["fr-ca"] == {
        "script": "",
        "confirm_script": "",
        "sms_text": "",
        "audiofile": audio["url"],
        "invalid_audiofile": None,
    }
    assert api.patch(path_of(ask), {"translations": ask["translations"]})["translations"] == ask["translations"]
    sealed = api.send("POST", path_of(template) + "seal/").json()
    with api.store.reading():
        survey = Survey.from_json(SealedSurvey.get(SealedSurvey.content_hash == sealed["content_hash"]).content)
    first = survey.first()
    assert first.translations["es"].script == "¿El {event_date}?"
    assert first.translations["fr-ca"].audio == audio["sha256"]
    told = api.refused("DELETE", path_of(audio), status=409)
    assert told["used_by"] == [ask["url"]]
    api.patch(path_of(ask), {"translations": {}})
    assert api.send("DELETE", path_of(audio)).status == 204
    assert api.get(path_of(sealed)) == sealed
    assert api.send("GET", path_of(sealed) + "export/").json()["audio"][audio["sha256"]]["wav"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "is no object"),
        ({"english": {}}, "a language such as"),
        ({"en": "Hello"}, "is no object"),
        ({"en": {"script": 1}}, "is no string"),
        ({"en": {"text": "x"}}, "no such field"),
        ({"en": {"script": "x" * 5001}}, "at most 5000"),
        ({"pt-BR": {}, "pt_br": {}}, "twice"),
        ({"en": {"audiofile": "soon"}}, "refers to no audio-files"),
        ({"en": {"audiofile": 999}}, "does not exist"),
        ({f"a{chr(97 + n)}": {} for n in range(21)}, "at most 20"),
    ],
)
def test_translations_that_are_none(sqlite_api: Api, given: object, words: str) -> None:
    _template, ask, _bye = written(sqlite_api)
    told = sqlite_api.refused("PATCH", path_of(ask), {"translations": given})
    assert words in told["translations"][0]


def test_nobody_elses_recording(sqlite_api: Api) -> None:
    _template, ask, _bye = written(sqlite_api)
    theirs = upload(sqlite_api, user="rival")
    told = sqlite_api.refused("PATCH", path_of(ask), {"translations": {"en": {"audiofile": theirs["url"]}}})
    assert "not yours" in told["translations"][0]


def test_only_a_superuser_writes_a_sip_uri(sqlite_api: Api) -> None:
    api = sqlite_api
    template, ask, _bye = written(api)
    assert list(api.refused("PATCH", path_of(ask), {"phonenumber": "sip:desk@pbx.example"})) == ["phonenumber"]
    uri = api.send("PATCH", path_of(ask), '{"phonenumber": "sip:desk@pbx.example"}', user="root").json()["phonenumber"]
    assert uri == "sip:desk@pbx.example"
    assert api.patch(path_of(ask), {"script": "On {event_day}?"})["phonenumber"] == uri
    assert api.send("POST", path_of(template) + "copy/").status == 201
    file = api.send("GET", path_of(template) + "export/").body
    assert list(api.refused("POST", "survey-template/import/", json.loads(file))) == ["survey.sections"]
    assert api.send("POST", "survey-template/import/", file, user="root").status == 201


# -- order, lint, copies


def test_the_order_can_be_changed(api: Api) -> None:
    template, ask, bye = written(api)
    address = path_of(template) + "order/"
    shown = api.send("POST", address, json.dumps({"sections": [bye["url"], int(path_of(ask).split("/")[1])]})).json()
    assert [(s["url"], s["order"]) for s in shown["sections"]] == [(bye["url"], 1), (ask["url"], 2)]
    for wrong, words in (
        ([bye["url"]], "leaves out"),
        ([bye["url"], bye["url"]], "twice"),
        ([bye["url"], ask["url"], 999], "no section of this survey"),
        (["soon"], "refers to no section-template"),
        ("1", "is missing"),
    ):
        assert words in api.refused("POST", address, {"sections": wrong})["sections"][0]
    assert api.send("POST", address, '{"sections": []}', user="rival").status == 404


def test_lint_tells_without_sealing(sqlite_api: Api) -> None:
    template, _ask, bye = written(sqlite_api)
    address = path_of(template) + "lint/"
    warnings = [one["code"] for one in sqlite_api.get(address)["findings"]]
    assert warnings == ["untranslated", "untranslated"]  # the goodbye, in Spanish and in French
    sqlite_api.patch(path_of(bye), {"script": ""})
    (told,) = sqlite_api.get(address)["findings"]
    assert (told["code"], told["severity"]) == ("no-words", "error")
    assert told["section"] == int(path_of(bye).split("/")[1])
    assert sqlite_api.refused("POST", path_of(template) + "seal/")["findings"] == [told]


def test_a_copy_is_a_survey_of_its_own(api: Api) -> None:
    template, ask, _bye = written(api)
    copied = api.send("POST", path_of(template) + "copy/").json()
    assert copied["name"] == "Rappel (copy)"
    named = api.send("POST", path_of(template) + "copy/", '{"name": "Other"}').json()
    assert named["name"] == "Other"
    assert list(api.refused("POST", path_of(template) + "copy/", {"title": "x"})) == ["title"]
    assert list(api.refused("POST", path_of(template) + "copy/", {"name": " "})) == ["name"]
    assert api.send("POST", path_of(template) + "copy/", user="rival").status == 404
    api.patch(path_of(ask), {"script": "Something else."})
    files = [api.send("GET", path_of(one) + "export/").json()["survey"] for one in (template, copied)]
    scripts = [survey["sections"][0]["script"] for survey in files]
    assert scripts == ["Something else.", "On {event_date}?"]
    assert api.send("POST", path_of(copied) + "seal/").status == 201


# -- files


def test_what_is_exported_comes_back_byte_for_byte(api: Api) -> None:
    template, _ask, _bye = written(api)
    answer = api.send("GET", path_of(template) + "export/")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    for user in ("rival", "manager"):
        made = api.send("POST", "survey-template/import/", answer.body, user=user)
        assert made.status == 201, made
        assert made.headers["Location"] == made.json()["url"]
        assert api.send("GET", path_of(made.json()) + "export/", user=user).body == answer.body
    with api.store.reading():
        names = [(file.name, file.user_id) for file in AudioFile.select().order_by(AudioFile.id)]
    # The manager's own recording is used again; the rival has its own name for the same bytes.
    assert names == [("bonjour", api.ids["manager"]), ("bonjour", api.ids["rival"])]
    sealed = [api.send("POST", path_of(row) + "seal/").json() for row in api.get("survey-template/")["results"]]
    scripts = [[section["script"] for section in one["sections"]] for one in sealed]
    assert scripts[0] == scripts[1]


def test_an_imported_recording_is_converted(sqlite_api: Api) -> None:
    digest = hashlib.sha256(MP3).hexdigest()
    file = {
        "format": "fs-app survey",
        "version": 1,
        "survey": {"name": "by hand", "sections": [{"id": 1, "type": 1, "audio": digest}]},
        "audio": {digest: {"name": "hello", "wav": base64.b64encode(MP3).decode()}},
    }
    assert sqlite_api.send("POST", "survey-template/import/", json.dumps(file)).status == 201
    (row,) = sqlite_api.get("audio-files/")["results"]
    content = sqlite_api.send("GET", path_of(row) + "content/").body
    assert sounds.level(sounds.narrowband(content), 1000) > 0.2
    file["audio"][digest]["wav"] = base64.b64encode(b"MZ\x90").decode()  # type: ignore[index]
    assert "damaged" in next(iter(sqlite_api.refused("POST", "survey-template/import/", file).values()))[0]


@pytest.mark.parametrize("path", ["survey.sections[0].type", "survey.name", "format"])
def test_a_wrong_file_is_refused_by_its_place_and_leaves_nothing(sqlite_api: Api, path: str) -> None:
    good: dict[str, Any] = {
        "format": "fs-app survey",
        "version": 1,
        "survey": {"name": "x", "sections": [{"id": 1, "type": 7}]},
    }
    wrong = json.loads(json.dumps(good))
    if path == "format":
        wrong["format"] = "other"
    elif path == "survey.name":
        wrong["survey"]["name"] = 7
    else:
        wrong["survey"]["sections"][0]["type"] = 77
    assert list(sqlite_api.refused("POST", "survey-template/import/", wrong)) == [path]
    with sqlite_api.store.reading():
        assert SectionTemplate.select().count() == 0
    assert sqlite_api.send("POST", "survey-template/import/", json.dumps(good)).status == 201


def test_who_may(sqlite_api: Api) -> None:
    template, _ask, _bye = written(sqlite_api)
    base = path_of(template)
    for user in ("rival", "practice"):
        for tail in ("export/", "lint/"):
            assert sqlite_api.send("GET", base + tail, user=user).status == 404
        for tail, body in (("copy/", None), ("order/", '{"sections": []}'), ("seal/", None)):
            assert sqlite_api.send("POST", base + tail, body, user=user).status == 404
    assert sqlite_api.send("POST", "survey-template/import/", "{}", user="practice").status == 404
    assert sqlite_api.send("GET", "survey-template/import/").status == 405


# -- recordings


@pytest.mark.parametrize(
    ("container", "codec"), [("mp3", "libmp3lame"), ("ogg", "libopus"), ("flac", "flac"), ("wav", "pcm_s24le")]
)
def test_any_common_recording_becomes_what_the_switch_plays(sqlite_api: Api, container: str, codec: str) -> None:
    row = upload(sqlite_api, content=sounds.encoded(sounds.tone(), container, codec))
    content = sqlite_api.send("GET", path_of(row) + "content/").body
    assert row["sha256"] == hashlib.sha256(content).hexdigest()
    samples = sounds.narrowband(content)
    assert 0.4 < len(samples) / 8000 < 0.65
    assert sounds.level(samples, 1000) > 0.2
