"""From a resource's declaration to a form, and from what was posted to the body that REST takes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from httpapi.console.choices import WORDS
from httpapi.console.displays import Display, label
from httpapi.console.names import picker
from httpapi.console.rest import Rest, id_of
from httpapi.schema import Spec
from httpapi.web import Upload

Posted = Mapping[str, str | Upload]
UNITS = ((86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
_SECONDS = frozenset({"advance_notice", "retry_delay"})
_LONG = 1000  # characters from which a text gets several lines
_MULTILINE = frozenset({"description", "sms_text", "note", "message_plaintext", "message_html", "script"})
TRANSLATED = ("script", "confirm_script", "sms_text")
_LANGUAGES_MAX = 50
_TIMES = frozenset({"daily_start", "daily_stop"})
_DAYS = frozenset({"closed_weekdays"})
WEEKDAYS = (
    *(("MO", "Monday"), ("TU", "Tuesday"), ("WE", "Wednesday"), ("TH", "Thursday"), ("FR", "Friday")),
    *(("SA", "Saturday"), ("SU", "Sunday")),
)
_MASKED = frozenset({"password"})


@dataclass(frozen=True)
class Field:
    """What a template needs to draw one input. ``value`` is text, except for ``span``: (number, unit in seconds)."""

    name: str
    label: str
    widget: str  # text, number, area, pairs, lines, days, languages, select, check, moment, time, span, file, password
    value: Any = ""
    help: str = ""
    errors: tuple[str, ...] = ()
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    blank: str = ""  # the words of the empty choice; "" for none
    attributes: Mapping[str, object] = field(default_factory=dict)
    searchable: bool = False
    search: str = ""


@dataclass(frozen=True)
class Form:
    fields: tuple[Field, ...]
    more: tuple[Field, ...] = ()
    errors: tuple[str, ...] = ()  # those that belong to no field shown

    @property
    def more_open(self) -> bool:
        return any(one.errors for one in self.more)


def writable(rest: Rest, display: Display, path: str | None = None) -> tuple[list[str], list[str]]:
    """The names of the fields to show: first those of the display, then what else the schema takes."""
    specs = rest.registry[path or display.path].reader.specs
    known = {n for n, spec in specs.items() if not spec.read_only and n not in display.hidden}
    first = [name for name in display.fields if name in known]
    second = [name for name in display.more if name in known]
    return first, [*(n for n in specs if n in known and n not in first and n not in second), *second]


def build(
    rest: Rest,
    path: str,
    display: Display,
    names: Iterable[str],
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
    zone: ZoneInfo,
    *,
    creating: bool,
    posted: Posted | None = None,
) -> tuple[Field, ...]:
    """The inputs for these fields of ``path``. ``posted`` is what a refused form said, shown again as it was."""
    specs = rest.registry[path].reader.specs
    drawn = (_field(rest, path, display, specs[n], values, errors, zone, creating, posted) for n in names)
    return tuple(one for one in drawn if one.widget != "select" or one.options or one.required)


def _field(
    rest: Rest,
    path: str,
    display: Display,
    spec: Spec,
    values: Mapping[str, Any],
    errors: Mapping[str, Any],
    zone: ZoneInfo,
    creating: bool,
    posted: Posted | None,
) -> Field:
    name = spec.name
    widget = _widget(spec)
    shown = values.get(name, spec.default if creating else None)
    if spec.kind.shown_as == "username" and isinstance(shown, str) and not shown.isdigit():
        with rest.services.store.reading():
            shown = rest.registry[path].user_id(shown)
    value = _shown(widget, spec, shown, zone)
    if posted is not None:
        value = _again(widget, name, posted)
    told = errors.get(name, ())
    common: dict[str, Any] = {
        "name": name,
        "label": label(display, name),
        "widget": widget,
        "help": display.help.get(name, ""),
        "errors": tuple(sentence(str(one)) for one in (told if isinstance(told, list | tuple) else (told,))),
        "required": spec.required and not (name in _MASKED and not creating),
    }
    if spec.kind.relation:
        search = str(posted.get(f"{name}__search", "")) if posted is not None else ""
        keep = id_of(value)
        found = picker(rest, spec.kind.relation, search, keep)
        options = tuple((str(row_id), title) for row_id, title in found.choices)
        if spec.required and creating and not value and len(options) == 1:
            value = options[0][0]
        blank = "— choose —" if spec.required else "— none —" if spec.nullable else "— myself —"
        if value and not spec.nullable:
            blank = ""
        return Field(
            **common, value=str(value or ""), options=options, blank=blank, searchable=found.more or bool(search),
            search=search,
        )  # fmt: skip
    if widget == "select":
        known = WORDS.get((path, name), {})
        numbers = spec.kind.schema.get("enum", ())
        options = tuple((str(n), known.get(n, str(n))) for n in numbers)
        return Field(**common, value=value, options=options)
    return Field(**common, value=value, attributes=_attributes(widget, spec))


def sentence(words: str) -> str:
    """An error of the API, which goes on from its field's name, as words that stand beside the field."""
    start = words.partition(" ")[0]
    words = f"this {words}" if start in ("is", "has", "must", "does", "cannot", "holds", "may", "needs") else words
    words = words[:1].upper() + words[1:]
    return words if words.endswith((".", "?", "!")) else words + "."


def _widget(spec: Spec) -> str:
    schema = spec.kind.schema
    kind = schema.get("type")
    if spec.kind.relation or "enum" in schema:
        return "select"
    if kind == "boolean":
        return "check"
    if spec.name in _SECONDS:
        return "span"
    if kind == "integer":
        return "number"
    if spec.kind.is_moment:
        return "moment"
    if spec.name in _TIMES:
        return "time"
    if spec.name == "translations":
        return "languages"
    if kind == "object":
        return "pairs"
    if kind == "array":
        return "days" if spec.name in _DAYS else "lines"
    if schema.get("contentEncoding") == "base64":
        return "file"
    if spec.name in _MASKED:
        return "password"
    long = int(schema.get("maxLength", 0)) >= _LONG
    return "area" if spec.name in _MULTILINE or long else "text"


def _attributes(widget: str, spec: Spec) -> dict[str, object]:
    schema = spec.kind.schema
    if widget == "number":
        return {"min": schema.get("minimum", ""), "max": schema.get("maximum", "")}
    if widget in ("text", "area", "password"):
        return {"maxlength": schema.get("maxLength", "")}
    return {}


def _shown(widget: str, spec: Spec, value: Any, zone: ZoneInfo) -> Any:
    """A value as REST shows it, in the form that its input takes."""
    if widget == "span":
        seconds = int(value or 0)
        unit = next((u for u, _ in UNITS if seconds and seconds % u == 0), 3600)
        return (str(seconds // unit), str(unit))
    if value is None:
        return ""
    if widget == "select":
        return str(id_of(value) or "") if spec.kind.relation else str(value)
    if widget == "check":
        return bool(value)
    if widget == "moment":
        return local(value, zone).strftime("%Y-%m-%dT%H:%M") if value else ""
    if widget == "time":
        return str(value)[:5]
    if widget == "pairs":
        return pairs_text(value)
    if widget == "languages":
        return tuple(value.items())
    if widget == "days":
        return tuple(value)
    if widget == "lines":
        return "\n".join(map(str, value))
    return "" if widget in ("file", "password") else str(value)


def _again(widget: str, name: str, posted: Posted) -> Any:
    if widget == "span":
        return (str(posted.get(name, "")), str(posted.get(f"{name}__unit", "3600")))
    if widget == "check":
        return name in posted
    if widget == "days":
        return _days(name, posted)
    if widget == "languages":
        return tuple(_languages(name, posted, {}).items())
    return "" if widget in ("file", "password") else str(posted.get(name, ""))


def local(value: Any, zone: ZoneInfo) -> datetime:
    """A moment as REST shows it, on the wall clock of ``zone``."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return moment.astimezone(zone)


def read(
    rest: Rest, path: str, names: Iterable[str], posted: Posted, *, creating: bool, before: Mapping[str, Any]
) -> dict[str, Any]:
    """The body for REST. Nothing is judged here, except that an empty input means none, or the default."""
    body: dict[str, Any] = {}
    specs = rest.registry[path].reader.specs
    for name in names:
        spec = specs[name]
        widget = _widget(spec)
        if widget == "check":
            body[name] = name in posted
            continue
        if widget == "days" and f"{name}__shown" in posted:
            body[name] = list(_days(name, posted)) or None
            continue
        if widget == "languages" and f"{name}__0__tag" in posted:
            body[name] = _languages(name, posted, before.get(name) or {})
            continue
        if name not in posted:
            continue  # not on the form: not for this user to choose
        given = posted[name]
        if isinstance(given, Upload):
            if given.content:
                body[name] = base64.b64encode(given.content).decode()
            continue
        value: Any = given
        if widget == "span":
            value = _seconds(given, str(posted.get(f"{name}__unit", "1")))
        elif widget == "pairs":
            value = pairs(given) or (None if spec.nullable else {})
        elif widget == "lines":
            value = [one.strip() for one in given.replace(",", "\n").splitlines() if one.strip()] or None
        elif widget == "time" and before.get(name, "")[:5] == given:
            continue  # a second that the input does not show stays
        elif widget == "moment" and not given:
            value = None
        elif widget in ("area", "text"):
            value = given.replace("\r\n", "\n")
        if value == "" and widget in ("password", "file"):
            continue
        if value in ("", None) and (spec.nullable or widget in ("number", "span", "select", "time")):
            if creating:
                continue
            if widget == "select" and not spec.nullable:
                continue
            value = None if spec.nullable else spec.default
        body[name] = value
    return body


def _days(name: str, posted: Posted) -> tuple[str, ...]:
    return tuple(day for day, _ in WEEKDAYS if f"{name}__{day}" in posted)


def _languages(name: str, posted: Posted, before: Mapping[str, Any]) -> dict[str, Any]:
    """Words by language; what the form does not show of a language, its recordings, stays."""
    found: dict[str, Any] = {}
    for row in range(_LANGUAGES_MAX):
        tag = str(posted.get(f"{name}__{row}__tag", "")).strip()
        if tag:
            texts = {one: str(posted.get(f"{name}__{row}__{one}", "")).replace("\r\n", "\n") for one in TRANSLATED}
            found[tag] = {**before.get(tag, {}), **texts}
    return found


def _seconds(number: str, unit: str) -> str:
    try:
        return str(round(float(number.strip().replace(",", ".")) * int(unit)))
    except (ValueError, OverflowError):
        return number  # REST says what is wrong with it


def pairs(text: str) -> dict[str, Any]:
    """``name = value`` lines as an object; what reads as a number or a boolean is one."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not line.strip():
            continue
        found[name.strip()] = _plain(value.strip()) if equals else ""
    return found


def _plain(value: str) -> Any:
    """JSON, where it is one and would be written the same way again."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    if isinstance(parsed, str):
        return parsed
    return parsed if json.dumps(parsed, ensure_ascii=False) == value else value


def pairs_text(value: Any) -> str:
    """The inverse of :func:`pairs`."""
    if not isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "\n".join(f"{name} = {_line(one)}" for name, one in value.items())


def _line(value: Any) -> str:
    if isinstance(value, str) and "\n" not in value and "\r" not in value and _plain(value) == value == value.strip():
        return value
    return json.dumps(value, ensure_ascii=False)
