"""The command line explains itself, and says what is wrong in one sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from fs_app.cli import main
from fs_app.store.database import Store
from fs_app.store.models import DncContact, DncList, User
from tests.rows import make_rows


def run(database: Path, *args: str, **env: str) -> Result:
    return CliRunner().invoke(
        main, args, env={"FS_APP_DATABASE": f"sqlite:///{database}", "FS_APP_CONFIG": None, **env}
    )


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"fs-app {command}" in result.output


def test_every_option_is_explained() -> None:
    for name, command in main.commands.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help or parameter.show_default or parameter.required, f"{name} {parameter.name}"


def test_every_command_is_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert [c for c in main.commands if f"fs-app {c}" not in readme] == []


def test_init_makes_the_database_and_the_superuser_and_can_be_repeated(tmp_path: Path) -> None:
    database = tmp_path / "a.sqlite3"
    first = run(database, "init", "--admin", "admin", "--password", "secret")
    assert first.exit_code == 0, first.output
    again = run(database, "init", "--admin", "admin", "--password", "other")
    assert again.exit_code == 0
    assert "left as it is" in again.output
    store = Store(f"sqlite:///{database}")
    with store.reading():
        user = User.get(User.username == "admin")
    store.close()
    assert user.role == "superuser"
    assert "secret" not in user.password


@pytest.mark.parametrize("name", ["", " ", "a:b", "a\nb", "x" * 151])
def test_init_refuses_a_name_that_could_not_sign_in(tmp_path: Path, name: str) -> None:
    result = run(tmp_path / "a.sqlite3", "init", "--admin", name, "--password", "x")
    assert result.exit_code == 1
    assert "--admin" in result.output


def test_a_wrong_setting_is_one_sentence_and_a_remedy(tmp_path: Path) -> None:
    result = run(tmp_path / "a.sqlite3", "serve", FS_APP_HTTP="nowhere")
    assert result.exit_code == 1
    assert "FS_APP_HTTP: must be host:port" in result.output
    assert "Traceback" not in result.output


def test_serve_without_a_schema_says_what_to_do(tmp_path: Path) -> None:
    result = run(tmp_path / "a.sqlite3", "serve")
    assert result.exit_code == 1
    assert "fs-app init" in result.output


@pytest.mark.parametrize(
    ("env", "application"),
    [
        ({}, "&socket('127.0.0.1:8084 async full')"),
        ({"FS_APP_IVR": "embedded", "FS_APP_OUTBOUND": "127.0.0.1:0"}, "&python(ivr.embedded)"),
    ],
)
def test_originate_prints_the_line_that_would_be_dialled(tmp_path: Path, env: dict[str, str], application: str) -> None:
    database = tmp_path / "a.sqlite3"
    store = Store(f"sqlite:///{database}")
    store.migrate()
    rows = make_rows(store, datetime(2026, 3, 2, tzinfo=UTC))
    store.close()
    result = run(database, "originate", "+1 555 0100", "--setting", str(rows.setting.id), "--dry-run", **env)
    assert result.exit_code == 0, result.output
    line = result.output.strip()
    assert line.startswith("originate {origination_uuid=")
    assert line.endswith(f"sofia/gateway/test/+15550100 {application}")
    assert "origination_caller_id_name='Dr. Adams'" in line


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("12", "--setting", "1"), "3 to 18 digits"),
        (("15550100 &park()", "--setting", "1"), "3 to 18 digits"),
        (("15550100", "--setting", "9"), "no calendar setting 9"),
        (("15550100", "--setting", "1", "--survey", "9"), "no sealed survey 9"),
        (("+1 555 0199", "--setting", "1"), "on a do-not-call list"),
    ],
)
def test_originate_refuses_what_cannot_be_dialled(tmp_path: Path, args: tuple[str, ...], words: str) -> None:
    database = tmp_path / "a.sqlite3"
    store = Store(f"sqlite:///{database}")
    store.migrate()
    now = datetime(2026, 3, 2, tzinfo=UTC)
    rows = make_rows(store, now)
    with store.transaction():
        no = DncList.create(user=rows.manager, name="no", created_date=now, updated_date=now)
        DncContact.create(dnc_list=no, phone_number="15550199", created_date=now)
    store.close()
    result = run(database, "originate", *args, "--dry-run")
    assert result.exit_code == 1
    assert words in result.output
