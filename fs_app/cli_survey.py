"""``fs-app survey …``: check, seal, move and try surveys without a telephone."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fs_app import config
from fs_app.clock import SystemClock
from fs_app.config import Settings
from fs_app.domain.lint import Finding, lint
from fs_app.domain.survey import Survey
from fs_app.domain.survey_file import SurveyFile, read_text
from fs_app.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from fs_app.store.database import Store

_SEALED = "sealed:"
WHAT = "a template's id, sealed:ID, or a file that export has written"


@click.group()
def survey() -> None:
    """Check, seal, move and try surveys.

    \b
    Examples:
        fs-app survey lint 3
        fs-app survey simulate 3 --data name=Ann
        fs-app survey seal 3

    A survey is named by its template's id, by sealed:ID, or by a file that export has written.
    """


@survey.command("lint")
@click.argument("what")
@click.pass_context
def lint_command(ctx: click.Context, what: str) -> None:
    """Say what is wrong with a survey: errors keep it from being sealed, warnings do not.

    \b
    Examples:
        fs-app survey lint 3
        fs-app survey lint reminder.json

    Finds unreachable sections, branches that lead nowhere or are never taken, keys without a branch, loops that no key
    leaves, prompts without words, and tags that nothing fills: neither built in, nor in the data of the owner's events.
    The exit code is 1 when there are errors.
    """
    file, names = _find(ctx, what)
    findings = lint(file.survey, names)
    _tell(findings)
    if not findings:
        click.echo("nothing to correct")
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


@survey.command()
@click.argument("template", type=int)
@click.pass_context
def seal(ctx: click.Context, template: int) -> None:
    """Make the immutable copy of a survey template that calls play, and show its content hash.

    \b
    Example:
        fs-app survey seal 3

    Refused while lint finds errors. Nothing that happens to the template or its recordings afterwards reaches the copy.
    """
    from fs_app.store import surveys

    with _store(ctx) as store:
        try:
            with store.transaction():
                sealed = surveys.seal(_template(template), SystemClock().now())
        except surveys.SurveyFaulty as exc:
            _tell(exc.findings)
            raise
    click.echo(f"sealed survey {sealed.id}: {sealed.name}")
    click.echo(f"content hash {sealed.content_hash}")


@survey.command()
@click.argument("what")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write [default: standard output].")
@click.pass_context
def export(ctx: click.Context, what: str, output: Path | None) -> None:
    """Write a survey with its recordings as one JSON file.

    \b
    Examples:
        fs-app survey export 3 -o reminder.json
        fs-app survey export sealed:7 > reminder.json
    """
    text = _find(ctx, what)[0].to_text()
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)
        click.echo(f"{output}: {len(text.encode())} bytes", err=True)


@survey.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--user", required=True, metavar="NAME", help="The manager whose survey it becomes.")
@click.pass_context
def import_command(ctx: click.Context, file: Path, user: str) -> None:
    """Make a survey template of a file that export has written; exported again, it is the same byte for byte.

    \b
    Example:
        fs-app survey import reminder.json --user manager
    """
    from fs_app.audio import to_wav
    from fs_app.domain.enums import Role
    from fs_app.store import surveys
    from fs_app.store.models import User

    read = read_text(file.read_bytes()).converted(to_wav)
    with _store(ctx) as store, store.transaction():
        owner = User.get_or_none(User.username == user)
        if owner is None or owner.role == Role.CALENDAR_USER.value:
            raise InvalidInput("--user", f"there is no manager {user!r}")
        made = surveys.add(read, owner.id, SystemClock().now(), sip_uris=True)
    click.echo(f"survey template {made.id}: {made.name}")


@survey.command()
@click.argument("what")
@click.option("--language", default="", metavar="TAG", help="The callee's language [default: the survey's].")
@click.option("--data", multiple=True, metavar="NAME=VALUE", help="An entry of the event's data; may be repeated.")
@click.option("--title", default="Appointment", show_default=True, help="The event's title.")
@click.option("--start", metavar="TIME", help="The event's start, such as 2026-03-03 15:30 [default: in a day].")
@click.option("--number", default="+15550100001", show_default=True, help="The callee's number.")
@click.option("--press", multiple=True, metavar="LINE", help="What the callee does, unasked; may be repeated.")
@click.pass_context
def simulate(
    ctx: click.Context,
    what: str,
    language: str,
    data: tuple[str, ...],
    title: str,
    start: str | None,
    number: str,
    press: tuple[str, ...],
) -> None:
    """Walk through a survey in the terminal: the engine is that of real calls, you are the callee.

    \b
    Examples:
        fs-app survey simulate 3 --data name=Ann --language fr
        fs-app survey simulate reminder.json --press 1 --press timeout

    Each line you type is keys (1, 0042#), timeout (or nothing) for silence, or hangup; the end of input hangs up, too.
    What follows a transfer or a conference is asked for. At the end stands the result that a call would store. The
    exit code is 0 unless the survey itself failed.
    """
    from fs_app.domain.enums import IvrEnd
    from ivr.runner import run_call
    from ivr.terminal import Record, ShownPrompts, TerminalChannel

    settings = _settings(ctx)
    file, _names = _find(ctx, what)
    context = _context(file.survey, settings, language, _data(data), title, start, number)
    record = Record(context)
    lines = iter(press)

    def ask(hint: str) -> str | None:
        if press:
            line = next(lines, None)
            click.echo(f"> {'hangup' if line is None else line}")
            return line
        click.echo(f"({hint})")
        try:
            return input("> ")
        except EOFError:
            click.echo()
            return None

    channel = TerminalChannel(click.echo, ask)
    prompts = ShownPrompts({digest: sound.name for digest, sound in file.sounds.items()})
    end = run_call(channel, record, prompts, SystemClock())
    for line in record.lines():
        click.echo(line)
    sys.exit(1 if end is IvrEnd.ERROR else 0)


# ---- what the commands share


def _settings(ctx: click.Context) -> Settings:
    return config.load(config=ctx.find_root().obj)


@contextmanager
def _store(ctx: click.Context) -> Iterator[Store]:
    from fs_app.store.database import Store

    store = Store(_settings(ctx).database)
    try:
        store.check_schema()
        yield store
    finally:
        store.close()


def _find(ctx: click.Context, what: str) -> tuple[SurveyFile, frozenset[str] | None]:
    """The survey, and the names in the data of its owner's events (None: nobody knows). Raises NotFound."""
    from fs_app.store import surveys
    from fs_app.store.models import SealedSurvey

    number = what.removeprefix(_SEALED)
    if not number.isdecimal() or len(number) > 9:
        path = Path(what)
        if not path.is_file():
            raise NotFound(f"no survey {what!r}: give {WHAT}")
        return read_text(path.read_bytes()), None
    with _store(ctx) as store, store.reading():
        if what != number:
            sealed = SealedSurvey.get_or_none(SealedSurvey.id == int(number))
            if sealed is None:
                raise NotFound(f"no sealed survey {number}")
            return surveys.export_sealed(sealed), surveys.data_names(sealed.user_id)
        row = _template(int(number))
        return surveys.export(row), surveys.data_names(row.user_id)


def _template(template_id: int) -> Any:
    from fs_app.store.models import SurveyTemplate

    row = SurveyTemplate.get_or_none(SurveyTemplate.id == template_id)
    if row is None:
        raise NotFound(f"no survey template {template_id}")
    return row


def _tell(findings: Iterable[Finding]) -> None:
    for finding in findings:
        click.echo(f"{finding.severity}: {finding.message} [{finding.code}]")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise InvalidInput("--output", f"{path} cannot be written: {exc.strerror}") from None


def _data(entries: Iterable[str]) -> dict[str, str]:
    found = {}
    for one in entries:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise InvalidInput("--data", f"{one!r} is no NAME=VALUE")
        found[name] = value
    return found


def _context(
    survey: Survey,
    settings: Settings,
    language: str,
    data: Mapping[str, str],
    title: str,
    start: str | None,
    number: str,
) -> Any:
    from fs_app.domain.calls import CallContext
    from fs_app.domain.window import to_utc

    now = SystemClock().now()
    if start is None:
        begins = (now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    else:
        try:
            begins = datetime.fromisoformat(start)
        except ValueError:
            raise InvalidInput("--start", f"{start!r} is no time: give one such as 2026-03-03 15:30") from None
        begins = to_utc(begins, settings.timezone) if begins.tzinfo is None else begins
    return CallContext(
        call_uuid="simulated",
        survey=survey,
        tags={"event_title": title, "calendar_user": "the practice", **data},
        language=language or data.get("language", "") or survey.tts_language,
        zone=settings.timezone.key,
        event_start=begins,
        event_end=begins + timedelta(hours=1),
        called_at=now,
        phone_number=number,
        gateway="sofia/gateway/simulated/",
    )
