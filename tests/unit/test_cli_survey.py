"""``fs-app survey``: what is checked, sealed, moved and tried from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fs_app.cli import main
from fs_app.cli_survey import survey as group
from fs_app.store.database import Store
from fs_app.store.models import (
    AudioBlob,
    AudioFile,
    BranchingTemplate,
    Calendar,
    Event,
    SealedSurvey,
    SectionTemplate,
    SurveyTemplate,
    User,
)
from tests import sounds

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Template 1 of ``manager``: a rating question with a recording in French, then a hang-up."""
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    store = Store(url)
    store.migrate()
    dates = {"created_date": NOW, "updated_date": NOW}
    wav = sounds.wav(sounds.tone(rate=8000, channels=1), rate=8000, channels=1)
    with store.transaction():
        manager = User.create(username="manager", password="-", role="manager", created_date=NOW)
        below = User.create(username="practice", password="-", manager=manager, created_date=NOW)
        calendar = Calendar.create(name="c", user=below, created_date=NOW)
        Event.create(start=NOW, end=NOW, creator=below, calendar=calendar, created_on=NOW, data={"name": "Jo"})
        blob = AudioBlob.create(sha256="a" * 64, content=wav)
        file = AudioFile.create(user=manager, name="bonjour", blob=blob, created_date=NOW)
        template = SurveyTemplate.create(user=manager, name="Reminder", **dates)
        ask = SectionTemplate.create(
            survey=template,
            type=3,
            script="Coming, {name}?",
            rating_laps=2,
            translations={"fr": {"audiofile": file.id}},
            **dates,
        )
        bye = SectionTemplate.create(survey=template, type=7, order=2, completed=True, **dates)
        BranchingTemplate.create(section=ask, keys="any", goto=bye, **dates)
    store.close()
    return url


def run(database: str, *args: str, stdin: str | None = None) -> Result:
    env = {"FS_APP_DATABASE": database, "FS_APP_CONFIG": None}
    return CliRunner().invoke(main, ["survey", *args], env=env, input=stdin)


def change(database: str, **columns: object) -> None:
    store = Store(database)
    with store.transaction():
        SectionTemplate.update(**columns).where(SectionTemplate.type == 3).execute()
    store.close()


@pytest.mark.parametrize("command", sorted(group.commands))
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    result = CliRunner().invoke(main, ["survey", command, "--help"])
    assert result.exit_code == 0
    assert f"fs-app survey {command}" in result.output


def test_lint(database: str) -> None:
    fine = run(database, "lint", "1")
    assert (fine.exit_code, fine.output) == (0, "nothing to correct\n")
    change(database, script="Coming, {nmae} {event_tiem} {what:ever}?")
    told = run(database, "lint", "1")
    assert told.exit_code == 1
    assert "no format 'ever'" in told.output
    assert "{event_tiem}, which is not built in: is {event_time} meant?" in told.output
    assert "{nmae}, which is neither built in nor in the data" in told.output


def test_sealing_gives_the_hash_and_refuses_errors(database: str) -> None:
    sealed = run(database, "seal", "1")
    assert sealed.exit_code == 0, sealed.output
    store = Store(database)
    with store.reading():
        row = SealedSurvey.get()
    store.close()
    assert f"content hash {row.content_hash}" in sealed.output
    change(database, script="")
    refused = run(database, "seal", "1")
    assert refused.exit_code == 1
    assert "[no-words]" in refused.output
    assert "cannot be sealed" in refused.output
    assert run(database, "lint", f"sealed:{row.id}").exit_code == 0  # the copy is as it was
    assert run(database, "seal", "9").exit_code == 1


def test_what_is_exported_is_imported_and_exported_the_same(database: str, tmp_path: Path) -> None:
    file = tmp_path / "reminder.json"
    exported = run(database, "export", "1", "-o", str(file))
    assert exported.exit_code == 0, exported.output
    assert run(database, "export", "1").stdout == file.read_text(encoding="utf-8")
    # The recording in the test's database is called by a name that is not its hash: damaged, and said so.
    refused = run(database, "import", str(file), "--user", "manager")
    assert refused.exit_code == 1
    assert "damaged" in refused.output
    change(database, translations={})
    assert run(database, "export", "1", "-o", str(file)).exit_code == 0
    imported = run(database, "import", str(file), "--user", "manager")
    assert imported.output == "survey template 2: Reminder\n"
    assert run(database, "export", "2").stdout == file.read_text(encoding="utf-8")
    for user in ("practice", "nobody"):
        assert "there is no manager" in run(database, "import", str(file), "--user", user).output


def test_simulate_with_keys_given_and_keys_typed(database: str) -> None:
    given = run(database, "simulate", "1", "--data", "name=Ann", "--press", "2")
    assert given.exit_code == 0, given.output
    assert "[en] Coming, Ann?" in given.output
    assert "result        2 (cancelled)" in given.output
    typed = run(database, "simulate", "1", "--language", "fr", stdin="1\n")
    assert "[recording bonjour]" in typed.output
    assert "result        1 (confirmed)" in typed.output


def test_simulate_a_file_in_another_language_at_a_given_time(database: str, tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    section = {"id": 1, "type": 7, "script": "See {event_at}", "translations": {"de": {"script": "Am {event_at}."}}}
    whole = {"format": "fs-app survey", "version": 1, "survey": {"name": "x", "sections": [section]}}
    file.write_text(json.dumps(whole), encoding="utf-8")
    args = ("simulate", str(file), "--start", "2030-03-03 15:30", "--data", "language=de")
    assert "[de] Am dritten März zweitausenddreißig um fünfzehn Uhr dreißig." in run(database, *args).output
    for wrong in (("--start", "soon"), ("--data", "name"), ("--number",)):
        assert run(database, "simulate", str(file), *wrong).exit_code != 0


@pytest.mark.parametrize("what", ["9", "sealed:9", "nothing.json"])
def test_a_survey_that_is_not_there(database: str, what: str) -> None:
    result = run(database, "simulate", what)
    assert result.exit_code == 1
    assert "survey" in result.output
