"""Listing and creating alarms, here and by Django REST framework, on the same database, server and number of processes.

    python benchmarks/rest.py [--requests 400]

Both applications run in one process each, in the same HTTP server of ours with eight threads, on copies of one SQLite
file, and are asked by four clients with a bearer token. Django REST framework gets two plain ModelViewSets with page
numbers, hyperlinked relations, and a token looked up in the same table: no tenancy, no due times, no wake-up call.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
CLIENTS, ALARMS = 4, 2000


def prepare(path: Path) -> str:
    """A database with a manager, a calendar, an event and alarms; the token."""
    from fs_app.store.database import Store
    from fs_app.store.models import Alarm
    from tests.rest_client import NOW, Api, new_alarm, new_calendar, new_event

    store = Store(f"sqlite:///{path}")
    store.migrate()
    api = Api(store)
    event = new_event(api, new_calendar(api))
    new_alarm(api, event)
    row = {"event": 1, "alarm_phonenumber": "+15550100", "created_date": NOW, "updated_date": NOW}
    with store.transaction():
        for _ in range(ALARMS // 100):
            Alarm.insert_many([row] * 100).execute()
    token = str(api.post("token/", {"scope": "write"})["token"])
    api.close()
    store.close()
    return token


def serve(which: str, database: str) -> None:
    from httpapi.server import HttpServer

    server = HttpServer("127.0.0.1", 0, ours(database) if which == "ours" else peer(database))
    server.start()
    print(server.port, flush=True)
    import gevent

    gevent.sleep(3600)


def ours(database: str) -> object:
    from zoneinfo import ZoneInfo

    from fs_app.clock import SystemClock
    from fs_app.store.database import Store
    from httpapi.app import make_app
    from httpapi.live import LiveFeed
    from httpapi.services import Services

    store = Store(f"sqlite:///{database}")
    return make_app(Services(store, SystemClock(), ZoneInfo("UTC"), lambda: None, dict, LiveFeed(store)))


def peer(database: str) -> object:
    import hashlib

    import django
    from django.conf import settings

    settings.configure(
        ALLOWED_HOSTS=["*"],
        DEBUG_PROPAGATE_EXCEPTIONS=True,
        ROOT_URLCONF=__name__,
        SECRET_KEY="benchmark",
        USE_TZ=True,
        INSTALLED_APPS=["rest_framework"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": database,
                "CONN_MAX_AGE": None,
                "OPTIONS": {"init_command": "PRAGMA synchronous=FULL;", "transaction_mode": "IMMEDIATE"},
            }
        },
        REST_FRAMEWORK={
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "UNAUTHENTICATED_USER": None,
        },
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application
    from django.db import models
    from django.urls import include, path
    from rest_framework import authentication, exceptions, pagination, routers, serializers, viewsets
    from rest_framework.permissions import BasePermission

    from fs_app.store.models import Alarm as Ours

    class Event(models.Model):
        title = models.CharField(max_length=250)

        class Meta:
            app_label, db_table, managed = "bench", "event", False

    kinds = {"INT": models.IntegerField, "BIGINT": models.BigIntegerField, "BOOL": models.BooleanField}
    columns: dict[str, object] = {"__module__": __name__}
    for field in Ours._meta.sorted_fields:
        name = field.name
        if name == "id":
            continue
        if name == "event":
            columns[name] = models.ForeignKey(Event, models.CASCADE)
        elif type(field).__name__ == "ForeignKeyField":
            columns[field.column_name] = models.IntegerField(null=True)
        elif type(field).__name__ == "UtcDateTimeField":
            # As the text that it is here: Django would expect times without a zone in SQLite.
            columns[name] = models.TextField(null=True, default="2026-03-02 10:00:00+00:00")
        else:
            default = field.default() if callable(field.default) else field.default
            default = "" if default is None and not field.null else default
            default = str(default) if type(field).__name__ == "WallTimeField" else default
            kind = kinds.get(field.field_type, models.TextField)
            columns[name] = kind(default=default, null=field.null, blank=True)
    columns["Meta"] = type("Meta", (), {"app_label": "bench", "db_table": "alarm", "managed": False})
    Alarm = type("Alarm", (models.Model,), columns)  # noqa: N806

    class Token(models.Model):
        digest = models.CharField(max_length=64)

        class Meta:
            app_label, db_table, managed = "bench", "api_token", False

    class ByToken(authentication.BaseAuthentication):
        def authenticate(self, request: object) -> object:
            given = request.headers.get("Authorization", "").partition(" ")[2]  # type: ignore[attr-defined]
            found = Token.objects.filter(digest=hashlib.sha256(given.encode()).hexdigest()).first()
            if found is None:
                raise exceptions.AuthenticationFailed
            return found, given

    class SignedIn(BasePermission):
        def has_permission(self, request: object, view: object) -> bool:
            return request.user is not None  # type: ignore[attr-defined]

    class Pages(pagination.PageNumberPagination):
        page_size = 20

    def view(model: object) -> object:
        meta = type("Meta", (), {"model": model, "fields": "__all__"})
        made = type("S", (serializers.HyperlinkedModelSerializer,), {"Meta": meta})
        more = {"queryset": model.objects.order_by("id"), "serializer_class": made}  # type: ignore[attr-defined]
        more |= {"authentication_classes": [ByToken], "permission_classes": [SignedIn], "pagination_class": Pages}
        return type("V", (viewsets.ModelViewSet,), more)

    router = routers.DefaultRouter()
    router.register("event", view(Event), basename="event")
    router.register("alarm", view(Alarm), basename="alarm")
    globals()["urlpatterns"] = [path("rest-api/", include(router.urls))]
    return get_wsgi_application()


def ask(
    port: int, method: str, path: str, headers: dict[str, str], body: str | None, number: int
) -> tuple[float, float]:
    """Requests a second, and the 99th percentile in milliseconds."""
    times: list[float] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(number // CLIENTS):
            began = time.perf_counter()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status not in (200, 201):
                raise RuntimeError(f"{method} {path}: {answer.status} {said[:300]!r}")
            times.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if len(times) < number // CLIENTS * CLIENTS:
        raise SystemExit("a client failed")
    return len(times) / took, sorted(times)[int(len(times) * 0.99)] * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--serve", nargs=2, metavar=("WHICH", "DATABASE"))
    given = parser.parse_args()
    if given.serve:
        serve(*given.serve)
        return
    try:
        import rest_framework  # noqa: F401
    except ImportError:
        print("its peer is missing: pip install -e '.[bench]'")
        return
    with tempfile.TemporaryDirectory() as home:
        first = Path(home) / "ours.sqlite3"
        token = prepare(first)
        with closing(sqlite3.connect(first)) as source:  # not a copy of the file: its newest pages are in another
            source.execute(f"VACUUM INTO '{home}/peer.sqlite3'")
        bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        basic = {**bearer, "Authorization": "Basic " + base64.b64encode(b"manager:manager").decode()}
        figures: dict[tuple[str, str], tuple[float, float]] = {}
        for which in ("ours", "peer"):
            command = [sys.executable, __file__, "--serve", which, str(Path(home) / f"{which}.sqlite3")]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            try:
                assert process.stdout is not None
                port = int(process.stdout.readline())
                body = json.dumps(
                    {"event": f"http://127.0.0.1:{port}/rest-api/event/1/", "alarm_phonenumber": "+15550100"}
                )
                for what, asked in (
                    ("list", ("GET", "/rest-api/alarm/", bearer, None)),
                    ("create", ("POST", "/rest-api/alarm/", bearer, body)),
                ):
                    ask(port, *asked, 40)
                    figures[which, what] = ask(port, *asked, given.requests)
                if which == "ours":
                    for what, headers in (("token", bearer), ("basic", basic)) * 3:  # in turn: the machine is noisy
                        ask(port, "GET", "/rest-api/rule/1/", headers, None, 40)
                        rate = ask(port, "GET", "/rest-api/rule/1/", headers, None, given.requests)
                        figures[which, what] = max(rate, figures.get((which, what), rate))
            finally:
                process.kill()
                process.wait()
        print(f"{'':<8} {'fs-app/s':>9} {'p99 ms':>8} {'DRF/s':>9} {'p99 ms':>8} {'ratio':>7}")
        for what in ("list", "create"):
            mine, theirs = figures["ours", what], figures["peer", what]
            ratio = mine[0] / theirs[0]
            print(f"{what:<8} {mine[0]:>9.0f} {mine[1]:>8.1f} {theirs[0]:>9.0f} {theirs[1]:>8.1f} {ratio:>7.2f}")
        dearer = figures["ours", "token"][0] / figures["ours", "basic"][0] - 1
        print(f"HTTP Basic costs {dearer:+.1%} against a token")


if __name__ == "__main__":
    main()
