"""Lists, forms and deletion: the same pages for every resource, drawn from its declaration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from httpapi.console import companions
from httpapi.console.choices import WORDS
from httpapi.console.displays import Display, article, label
from httpapi.console.fields import Field, Form, build, read, writable
from httpapi.console.names import picker
from httpapi.console.rest import id_of
from httpapi.console.view import View
from httpapi.errors import ApiError
from httpapi.plugins import row_id
from httpapi.web import Response

PAGE_SIZE = 25


@dataclass(frozen=True)
class Pages:
    """The pages of one resource. ``companion`` is a second resource that its form fills in, too."""

    display: Display

    # --- list

    def index(self, view: View, _arguments: Mapping[str, str]) -> Response:
        display, rest = self.display, view.rest
        asked = {n: v for n, v in view.query.items() if v != "" and n != "done"}
        order = {"ordering": "-id"} if display.newest_first and "ordering" not in asked else {}
        try:
            found = rest.list(display.path, {"page_size": PAGE_SIZE, **order, **asked})
        except ApiError as exc:
            if exc.status != 400:
                raise
            found = {"count": 0, "results": [], "next": None, "previous": None}
            problems = [str(one) for told in exc.body.values() for one in (told if isinstance(told, list) else [told])]
        else:
            problems = []
        rows = found["results"]
        view.learn(display.path, rows, display.columns)
        beyond = companions.live_columns(view, display.path, rows)
        number = int(asked.get("page", "1")) if asked.get("page", "1").isdigit() else 1
        return view.page(
            "list.html",
            display=display,
            rows=[
                (self._address(row), [*self._cells(view, row), *(cells[place] for _, cells in beyond)])
                for place, row in enumerate(rows)
            ],
            heads=[
                *((name, label(display, name), self._order(view, name, asked)) for name in display.columns),
                *((words, words, "") for words, _ in beyond),
            ],
            filters=self._filters(view, asked),
            filtered=any(n in display.filters for n in asked),
            problems=problems,
            count=found["count"],
            pages=(
                _again(display, asked, number - 1) if found["previous"] else "",
                _again(display, asked, number + 1) if found["next"] else "",
                number,
                max(1, -(-found["count"] // PAGE_SIZE)),
            ),
            may_add=rest.may_create(display.path),
        )

    def _address(self, row: Mapping[str, Any]) -> str:
        return f"{self.display.url}{id_of(row['url'])}/"

    def _cells(self, view: View, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [cell(view, self.display.path, row, name) for name in self.display.columns]

    def _order(self, view: View, name: str, asked: Mapping[str, str]) -> str:
        """The address that sorts by this column, the other way round when it already does; "" when it cannot."""
        if name not in view.rest.registry[self.display.path].ordering:
            return ""
        other = f"-{name}" if asked.get("ordering") == name else name
        kept = {n: v for n, v in asked.items() if n not in ("page", "ordering")}
        return "?" + urlencode({**kept, "ordering": other})

    def _filters(self, view: View, asked: Mapping[str, str]) -> list[Field]:
        resource = view.rest.registry[self.display.path]
        drawn = []
        for name in self.display.filters:
            if name not in resource.filters:
                continue
            spec = resource.reader.specs[name]
            value = asked.get(name, "")
            options: tuple[tuple[str, str], ...] = ()
            if spec.kind.relation:
                found = picker(view.rest, spec.kind.relation, keep=id_of(value))
                options = tuple((str(i), t) for i, t in found.choices)
            elif (self.display.path, name) in WORDS:
                options = tuple((str(n), w) for n, w in WORDS[(self.display.path, name)].items())
            widget = "select" if options else "text"
            drawn.append(Field(name, label(self.display, name), widget, value, options=options, blank="all"))
        return drawn

    # --- create and change

    def add(self, view: View, _arguments: Mapping[str, str]) -> Response:
        self._must_create(view)
        given = {n: v for n, v in view.query.items() if v}
        return self._form(view, 200, {**companions.suggestions(view, self.display.path), **given}, {}, row=None)

    def create(self, view: View, _arguments: Mapping[str, str]) -> Response:
        self._must_create(view)
        if "find" in view.posted:
            return self._form(view, 200, {}, {}, row=None, again=True)
        path = self.display.path
        body = companions.complete(view, path, self._body(view, path, creating=True, before={}), {})
        second = companions.SECOND.get(path)
        try:
            if second is not None:
                extra = self._body(view, second, creating=False, before={})
                companions.check(view, second, extra)
            made = view.rest.create(path, body)
            row = id_of(made["url"])
            if second is not None and row is not None and extra:
                view.rest.change(second, row, extra)
        except ApiError as exc:
            return self._refused(view, exc, {}, row=None)
        if made.get("token"):
            return view.page("token.html", token=made["token"], display=self.display)
        onward = companions.after(path, row or 0, self.display.url)
        return view.go(_onward(view.field("onward")) or onward, "created")

    def edit(self, view: View, arguments: Mapping[str, str]) -> Response:
        row = row_id(arguments)
        return self._form(view, 200, self._values(view, row), {}, row=row)

    def change(self, view: View, arguments: Mapping[str, str]) -> Response:
        row, path = row_id(arguments), self.display.path
        before = self._values(view, row)
        if "find" in view.posted:
            return self._form(view, 200, before, {}, row=row, again=True)
        body = companions.complete(view, path, self._body(view, path, creating=False, before=before), before)
        second = companions.SECOND.get(path)
        try:
            if second is not None:
                extra = self._body(view, second, creating=False, before=before)
                companions.check(view, second, extra)
                view.rest.change(second, row, extra)
            view.rest.change(path, row, body, view.field("etag"))
        except ApiError as exc:
            return self._refused(view, exc, before, row=row)
        return view.go(self.display.url, "saved")

    def _refused(self, view: View, exc: ApiError, before: Mapping[str, Any], row: int | None) -> Response:
        if exc.status == 412:
            words = "Somebody else has changed this since you opened it. Yours is shown: look at theirs before saving."
            exc = ApiError(409, {"detail": words})
        if exc.status not in (400, 403, 409):
            raise exc
        return self._form(view, exc.status, before, exc.body, row=row, again=True)

    def _must_create(self, view: View) -> None:
        if not view.rest.may_create(self.display.path):
            raise ApiError(404, {"detail": "Nothing can be added here by you."})

    def _values(self, view: View, row: int) -> dict[str, Any]:
        values = view.rest.get(self.display.path, row)
        second = companions.SECOND.get(self.display.path)
        return {**view.rest.get(second, row), **values} if second is not None else values

    def _body(self, view: View, path: str, *, creating: bool, before: Mapping[str, Any]) -> dict[str, Any]:
        names = view.rest.registry[path].reader.specs
        able = [n for n, spec in names.items() if not spec.read_only and n not in self.display.hidden]
        return read(view.rest, path, able, view.posted, creating=creating, before=before)

    def _form(
        self,
        view: View,
        status: int,
        values: Mapping[str, Any],
        errors: Mapping[str, Any],
        *,
        row: int | None,
        again: bool = False,
    ) -> Response:
        display, rest = self.display, view.rest
        zone = view.zone_of(display.path, values)
        posted = view.posted if again else None
        form_fields: list[Field] = []
        more: list[Field] = []
        shown: set[str] = set()
        for path in (display.path, companions.SECOND.get(display.path)):
            if path is None:
                continue
            first, second = writable(rest, display, path)
            for names, target in ((first, form_fields), (second, more)):
                target += build(
                    rest, path, display, names, values, errors, zone, creating=row is None, posted=posted
                )  # fmt: skip
                shown.update(names)
        form_fields.sort(key=lambda one: display.fields.index(one.name))
        general = [
            f"{label(display, name)}: {one}" if name != "detail" else str(one)
            for name, told in errors.items()
            if name not in shown and name != "used_by"
            for one in (told if isinstance(told, list) else [told])
        ]
        writes = rest.may_write(display.path) if row is not None else True
        return view.page(
            "form.html",
            status,
            display=display,
            form=Form(tuple(form_fields), tuple(more), tuple(general)),
            row=row,
            etag=self._tag(view, row),
            title=self._title(view, row),
            may_write=writes,
            may_delete=row is not None and rest.may_delete(display.path),
            facts=self._facts(view, values) if row is not None else [],
            beside=companions.beside(view, display.path, row, values) if row is not None else [],
            onward=_onward(view.query.get("onward", "") if not again else view.field("onward")),
        )

    def _tag(self, view: View, row: int | None) -> str:
        """What the row is now: a second save after a refused one is a decision, not an accident."""
        return "" if row is None else view.rest.tag(self.display.path, view.rest.get(self.display.path, row))

    def _title(self, view: View, row: int | None) -> str:
        if row is None:
            return f"Add {article(self.display.one)}"
        return view.title(self.display.path, row) or f"{self.display.one} {row}"

    def _facts(self, view: View, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What is only shown."""
        resource = view.rest.registry[self.display.path]
        names = [
            name
            for name, spec in resource.reader.specs.items()
            if spec.read_only
            and name not in ("url", "id", "groups", "sections", "answers")
            and name in values
            and not (name == "occ_count" and not values[name])
        ]
        view.learn(self.display.path, [dict(values)], tuple(names))
        return [{"label": label(self.display, n), **cell(view, self.display.path, values, n)} for n in names]

    # --- delete

    def ask_delete(self, view: View, arguments: Mapping[str, str]) -> Response:
        row = row_id(arguments)
        view.rest.get(self.display.path, row)
        if not view.rest.may_delete(self.display.path):
            raise ApiError(404, {"detail": "This cannot be deleted by you."})
        return view.page("delete.html", display=self.display, row=row, title=self._title(view, row), told=[], used=[])

    def delete(self, view: View, arguments: Mapping[str, str]) -> Response:
        row = row_id(arguments)
        title = self._title(view, row)
        try:
            view.rest.delete(self.display.path, row)
        except ApiError as exc:
            if exc.status != 409:
                raise
            used = exc.body.get("used_by", [])
            told = [str(exc.body.get("detail", ""))]
            links = [_console_link(view, str(one)) for one in used] if isinstance(used, list) else []
            return view.page("delete.html", 409, display=self.display, row=row, title=title, told=told, used=links)
        return view.go(self.display.url, "deleted")


def cell(view: View, path: str, row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One value of a row, ready to be drawn: its kind, its words, and where it leads."""
    from httpapi.console.choices import word
    from httpapi.console.displays_all import BY_PATH

    spec = view.rest.registry[path].reader.specs.get(name)
    value = row.get(name)
    if spec is None or value is None or value == "":
        return {"kind": "text", "text": ""}
    if spec.kind.relation and spec.kind.shown_as != "username":
        known = BY_PATH.get(spec.kind.relation)
        seen = view.title(spec.kind.relation, value)
        link = f"{known.url}{id_of(value)}/" if known is not None and view.rest.may_read(known.path) else ""
        return {"kind": "link", "text": seen, "href": link}
    if spec.kind.is_moment:
        zone = view.zone_of(path, row) if path in ("event", "alarm") else view.zone
        return {"kind": "moment", "text": value, "zone": zone}
    if isinstance(value, bool):
        return {"kind": "text", "text": "yes" if value else "no"}
    if (path, name) in WORDS or (path, name) == ("callrequest", "disposition"):
        return {"kind": "word", "text": word(path, name, value)}
    if name in ("advance_notice", "retry_delay"):
        return {"kind": "span", "text": value}
    text = ", ".join(f"{k} = {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
    return {"kind": "text", "text": text if len(text) <= 120 else text[:117] + "…"}


def _onward(given: str) -> str:
    """Where to go after saving: a page of ours that leads here, or "" for the usual one."""
    known = given == "/start/" or re.fullmatch(r"/module/survey/[0-9]{1,18}/section/[0-9]{1,18}/", given)
    return given if known else ""


def _again(display: Display, asked: Mapping[str, str], number: int) -> str:
    return f"{display.url}?" + urlencode({**asked, "page": str(number)})


def _console_link(view: View, address: str) -> tuple[str, str]:
    """(words, our address) of what REST names by its own."""
    from httpapi.console.displays_all import BY_PATH

    path = address.rstrip("/").rsplit("/", 2)[-2]
    row = id_of(address)
    if path in BY_PATH and row is not None:
        return f"{BY_PATH[path].one}: {view.title(path, row)}", f"{BY_PATH[path].url}{row}/"
    return f"{path} {row}", ""
