"""A practice that sends messages, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fs_app import config
from fs_app.clock import SystemClock
from fs_app.service import Service
from fs_app.store.database import Store
from tests.messaging import Practice, ShiftedClock, id_of
from tests.rest_client import Api, new_calendar, new_event, new_gateway, new_survey
from tests.servers import Authority, smtp_server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def mail_server(request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Any:
    """STARTTLS, and trusted as an operator's own authority would be."""
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    with smtp_server("start", authority, {"desk": "secret"}) as mailbox:
        yield mailbox


@pytest.fixture
def practice(database_url: str, tmp_path: Path, mail_server: Any) -> Iterator[Practice]:
    environ = {
        "FS_APP_DATABASE": database_url,
        "FS_APP_ESL": "127.0.0.1:1",
        "FS_APP_SMS_FILE": str(tmp_path / "sms.jsonl"),
        "FS_APP_SMTP_URL": f"smtp://desk:secret@localhost:{mail_server.port}/?from=desk@practice.example",
        "FS_APP_WEBHOOK_NETWORKS": "127.0.0.1/32,::1/128",
        "FS_APP_TIMEZONE": "Europe/Paris",
    }
    settings = config.load(environ)
    migrated = Store(settings.database)
    migrated.migrate()
    migrated.close()
    service = Service(settings, frozenset({"scheduler"}), clock=ShiftedClock())
    api = Api(service.store, settings.webhook_networks)
    api.clock.time = SystemClock().now()
    survey, voice = new_survey(api), new_gateway(api)
    setting = api.post(
        "calendar-setting/", {"label": "practice", "survey": survey["url"], "aleg_gateway": voice["url"]}
    )
    api.patch(f"calendar-user-profile/{api.ids['practice']}/", {"calendar_setting": id_of(setting)})
    start = (api.clock.time + timedelta(hours=1)).isoformat()
    event = new_event(api, new_calendar(api), start=start, data={"name": "Ann & Bob"})
    service.start()
    yield Practice(api, service, event, tmp_path)
    api.close()
    service.stop()
