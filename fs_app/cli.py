"""``fs-app``: the command line. Every command explains itself with an example; errors are one sentence and a remedy."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

import fs_app
from fs_app import config
from fs_app.cli_survey import survey
from fs_app.clock import SystemClock
from fs_app.config import Settings
from fs_app.domain.enums import Role
from fs_app.errors import ConfigError, FsAppError, InvalidInput


class _Group(click.Group):
    """Turns our exceptions into one sentence on stderr with its remedy, exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FsAppError as exc:
            remedy = "" if isinstance(exc, InvalidInput) else inspect.getdoc(type(exc)) or ""
            raise click.ClickException(f"{exc}\n{remedy}".rstrip()) from exc


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config_file", metavar="FILE", help="TOML file with settings (else FS_APP_CONFIG).")
@click.version_option(fs_app.__version__, prog_name="fs-app")
@click.pass_context
def main(ctx: click.Context, config_file: str | None) -> None:
    """Appointment reminders and phone surveys for FreeSWITCH.

    \b
    A first look, without any telephone:   fs-app demo
    On your own switch:
        fs-app init --admin admin
        fs-app serve

    Settings come from a TOML file and from FS_APP_* variables, which win; docs/configuration.md lists them.
    """
    ctx.obj = config_file


def _settings(ctx: click.Context) -> Settings:
    settings = config.load(config=ctx.obj)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", stream=sys.stderr
    )
    return settings


main.add_command(survey)


@main.command()
@click.option("--admin", required=True, metavar="NAME", help="Name of the first superuser.")
@click.option("--password", required=True, prompt=True, hide_input=True, confirmation_prompt=True, metavar="PW")
@click.pass_context
def init(ctx: click.Context, admin: str, password: str) -> None:
    """Make or migrate the database, and the first superuser.

    \b
    Example:
        FS_APP_DATABASE=sqlite:////var/lib/fs-app/fs-app.sqlite3 fs-app init --admin admin --password secret

    Safe to repeat: an existing database is migrated, and an existing user of that name is left as it is.
    """
    from fs_app.passwords import check_strength, hash_password
    from fs_app.store.database import Store
    from fs_app.store.models import User

    settings = _settings(ctx)
    if not admin.strip() or len(admin) > 150 or not admin.isprintable() or ":" in admin:
        raise InvalidInput("--admin", "must be 1 to 150 printable characters without a colon")
    if not password:
        raise InvalidInput("--password", "must not be empty")
    check_strength(password, [admin], settings.password_strength, "--password")
    store = Store(settings.database)
    schema = store.migrate()
    with store.transaction():
        user = User.get_or_none(User.username == admin)
        if user is None:
            User.create(
                username=admin,
                password=hash_password(password),
                role=Role.SUPERUSER.value,
                created_date=SystemClock().now(),
            )
    store.close()
    click.echo(f"{settings.database}: schema {schema}")
    click.echo(f"superuser {admin}: {'made' if user is None else 'exists already, left as it is'}")


@main.command()
@click.option("--only", type=click.Choice(["http", "ivr", "scheduler"]), help="Run one part instead of all.")
@click.pass_context
def serve(ctx: click.Context, only: str | None) -> None:
    """Run the product: REST API, survey IVR and scheduler, in one process or one part of it.

    \b
    Examples:
        fs-app serve
        FS_APP_DATABASE=postgresql://fs@db/fs fs-app serve --only ivr

    A database or a switch that is away is waited for; /healthz of the REST API and the log say so. SIGTERM and Ctrl-C
    stop it: it claims no more calls and gives those that are up 30 seconds. Whatever is still up
    then is recovered by the next process, never dialled again.
    """
    from fs_app.loop_caller import stop_on_signals
    from fs_app.service import PARTS, Service
    from fs_app.told import log_call

    service = Service(_settings(ctx), PARTS if only is None else frozenset({only}), observer=log_call)
    stop = stop_on_signals()
    service.start(stop)
    if service.http is not None:
        click.echo(f"REST API on http://{service.settings.http.host}:{service.http.port}/rest-api/", err=True)
    if service.outbound is not None:
        click.echo(f"outbound socket on {service.settings.outbound.host}:{service.outbound.bound_port}", err=True)
    sys.exit(service.run_forever(stop))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8021, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free one.")
@click.option("--password", default="ClueCon", show_default=True)
@click.option(
    "--speed", default=1.0, show_default=True, type=click.FloatRange(0.01, 1000), help="2 plays twice as fast."
)
@click.option("--journal", type=click.Path(path_type=Path), help="Append what callees do and hear, as JSON lines.")
@click.option("--callees", type=click.Path(path_type=Path, exists=True), help="JSON file with callees of your own.")
@click.option("--allow-control", is_flag=True, help="Let `api fs_app_sim misbehave` break things, for tests.")
@click.pass_context
def simulator(
    ctx: click.Context,
    host: str,
    port: int,
    password: str,
    speed: float,
    journal: Path | None,
    callees: Path | None,
    allow_control: bool,
) -> None:
    """Run the built-in switch alone: it speaks FreeSWITCH's event socket, with scripted callees.

    \b
    Example, in two terminals:
        fs-app simulator
        fs-app serve

    The last four digits of the number choose the callee: 0001 presses 1, 0002 presses 2, 0011 is busy, 0012 does not
    answer; docs/simulator.md has them all.
    """
    from fs_app.loop_caller import stop_on_signals
    from fs_app.simulator.server import run

    _settings(ctx)
    try:
        run(
            host,
            port,
            password=password,
            speed=speed,
            journal=journal,
            callees=callees,
            allow_control=allow_control,
            on_ready=lambda switch: click.echo(f"built-in switch on {switch.host}:{switch.port}"),
            until=stop_on_signals(),
        )
    except OSError as exc:
        raise ConfigError(f"--port {port}: cannot listen there: {exc.strerror or exc}") from None


@main.command()
@click.argument("number")
@click.option(
    "--setting", required=True, type=int, metavar="ID", help="Calendar setting: gateway, caller ID, ring time."
)
@click.option("--survey", type=int, metavar="ID", help="Sealed survey; default: the setting's.")
@click.option("--dry-run", is_flag=True, help="Print the line to paste into fs_cli; dial nothing.")
@click.pass_context
def originate(ctx: click.Context, number: str, setting: int, survey: int | None, dry_run: bool) -> None:
    """Place one call now, outside any calendar, and tell how it went.

    \b
    Examples:
        fs-app originate +15550100 --setting 1 --dry-run
        fs-app originate +15550100 --setting 1 --survey 2

    The survey itself is run by `fs-app serve`, which must be up. The exit code is 0 when the call was answered.
    A line of --dry-run works once: the call it names is on record, waiting to be dialled.
    """
    from fs_app.direct import place_call, plan_call
    from fs_app.store.attempts import Attempts
    from fs_app.store.database import Store
    from fs_app.switch.dialstring import originate_command

    settings = _settings(ctx)
    store = Store(settings.database)
    store.check_schema()
    dial = plan_call(store, settings, number, setting, survey)
    if dry_run:
        line = originate_command(dial.request)
        Attempts(store, settings.timezone).register(dial, line, SystemClock().now())
        store.close()
        click.echo(line)
        return

    def tell(what: str, call_uuid: str, details: Mapping[str, object]) -> None:
        said = "  ".join(f"{key}={value}" for key, value in details.items() if value not in ("", None))
        click.echo(f"{what:<10} {said or call_uuid}")

    outcome = place_call(store, settings, dial, tell)
    store.close()
    sys.exit(0 if outcome == "answered" else 1)


@main.command()
@click.argument("alarm", type=click.IntRange(1))
@click.pass_context
def explain(ctx: click.Context, alarm: int) -> None:
    """Tell why ALARM was called, or was not, and what happens next.

    \b
    Example:
        fs-app explain 17

    The same is at alarm/17/explain/ of the REST API.
    """
    from fs_app.explain import Explainer
    from fs_app.store.database import Store

    settings = _settings(ctx)
    store = Store(settings.database)
    store.check_schema()
    click.echo(Explainer(store, settings)(alarm, SystemClock().now()).text)
    store.close()


@main.command()
@click.option("--until", required=True, metavar="WHEN", help="Date or time up to which; in the configured zone.")
@click.option(
    "--outcome",
    type=click.Choice(["answered", "no-answer", "busy", "rejected", "machine"]),
    default="answered",
    show_default=True,
    help="How every call is assumed to end.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def rehearse(ctx: click.Context, until: str, outcome: str, as_json: bool) -> None:
    """List every attempt that would be made until WHEN. Nobody is called, nothing is changed.

    \b
    Examples:
        fs-app rehearse --until 2026-03-10
        fs-app rehearse --until "2026-03-10 18:00" --outcome no-answer

    The scheduler itself runs, on a copy of the data and a clock of its own: occurrences, windows, closed days, clock
    changes, pacing and retries are what they would be. Attempts that are under way now are left out.
    """
    from fs_app.rehearse import OUTCOMES, line, parse_until, rehearse

    settings = _settings(ctx)
    now = SystemClock().now()
    end = parse_until(until, settings.timezone, now)
    counts: dict[str, int] = {}
    for one in rehearse(settings, now, end, OUTCOMES[outcome]):
        counts[one.what] = counts.get(one.what, 0) + 1
        click.echo(line(one, as_json=as_json))
    if not as_json:
        names = {"call": "calls", "sms": "short messages", "mail": "mails"}
        said = ", ".join(f"{counts.get(what, 0)} {name}" for what, name in names.items())
        click.echo(f"{said}; {counts.get('none', 0)} alarms would end without success")


@main.command()
@click.option("--once", is_flag=True, help="Stop after the result was read back; exit 0 only if it is as it should be.")
@click.option("--esl", metavar="HOST:PORT", help="Use a real FreeSWITCH instead of the built-in switch.")
@click.option("--esl-password", default="ClueCon", show_default=True, metavar="PW")
@click.option(
    "--http",
    "http_address",
    default="127.0.0.1:8000",
    show_default=True,
    metavar="HOST:PORT",
    envvar="FS_APP_HTTP",
    help="Where the console and the REST API listen.",
)
@click.option(
    "--gateway",
    metavar="PREFIX",
    help="Dial-string prefix on a real FreeSWITCH [default: loopback/{number}/fs_app_callees].",
)
@click.option("--number", default="15550100001", show_default=True, help="Whom to call; the callee must press 1.")
@click.option("--empty", is_flag=True, help="Make nothing but a user: the console leads through the first steps.")
def demo(
    once: bool,
    esl: str | None,
    esl_password: str,
    http_address: str,
    gateway: str | None,
    number: str,
    empty: bool,
) -> None:
    """Show the main job: a reminder made over REST rings, is heard, and its key is on record.

    \b
    Examples:
        fs-app demo
        fs-app demo --once
        fs-app demo --empty
        fs-app demo --esl 127.0.0.1:8021 --esl-password ClueCon

    Needs no set-up: it runs on a SQLite file of its own and the built-in switch. With --esl the switch is yours; its
    loopback callees come from freeswitch_conf/.
    """
    from fs_app.demo import run_demo

    environ = {"FS_APP_HTTP": http_address, "FS_APP_ESL_PASSWORD": esl_password}
    if esl is not None:
        environ["FS_APP_ESL"] = esl
    sys.exit(run_demo(environ, real_switch=esl is not None, gateway=gateway, number=number, once=once, empty=empty))
