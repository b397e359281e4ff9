"""The console as a browser without JavaScript: cookies, pages taken apart, forms filled in and sent."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from html.parser import HTMLParser
from urllib.parse import urlencode

from tests.rest_client import Api

_VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "path", "rect", "source"}


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.forms: list[Form] = []
        self._select: str | None = None
        self._area: str | None = None
        self._unclosed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        assert len(have) == len(attrs), f"<{tag}> has an attribute twice: {attrs}"
        self.tags.append((tag, have))
        if tag not in _VOID:
            self.open.append(tag)
        form = self.forms[-1].fields if self.forms else {}
        if tag == "form":
            self.forms.append(Form(have.get("action", ""), have.get("method", "get")))
        elif tag == "input" and have.get("name"):
            if have.get("type") not in ("checkbox", "file") or "checked" in have:
                form[have["name"]] = have.get("value", "")
        elif tag == "select":
            self._select = have.get("name")
        elif tag == "option" and self._select:
            if "selected" in have or self._select not in form:
                form[self._select] = have.get("value", "")
        elif tag == "textarea":
            self._area = have.get("name")
            form[self._area or ""] = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"
        if tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._area is not None:
            self.forms[-1].fields[self._area] += data.removeprefix("\n")


@dataclass
class Seen:
    """A page. ``location`` is where it leads when it is no page but a redirection."""

    status: int
    headers: Message
    body: str

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    def read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.body)
        reader.close()
        assert not reader.open, f"never closed: {reader.open}"
        return reader

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.read().words).split())

    @property
    def links(self) -> list[str]:
        return [have["href"] for tag, have in self.read().tags if tag == "a" and "href" in have]

    def form(self, having: str) -> Form:
        """The form that has a field of that name, or whose action ends so."""
        return next(f for f in self.read().forms if having in f.fields or f.action.endswith(having))


class Console:
    """One browser. Signed in as ``user`` unless it is None."""

    def __init__(self, api: Api, user: str | None = "manager") -> None:
        self.api = api
        self.cookie = ""
        if user is not None:
            answer = self.post("/sign-in/", {"username": user, "password": user})
            assert answer.status == 303, answer

    def get(self, path: str, **headers: str) -> Seen:
        return self._send("GET", path, None, headers)

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Seen:
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self._send("POST", path, urlencode(fields), sent)

    def submit(self, page: str, having: str, **values: str) -> Seen:
        """Fill in the form of that page and send it."""
        form = self.get(page).form(having)
        assert form.method == "post"
        return self.post(form.action or page, {**form.fields, **values})

    def _send(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Seen:
        return self.api.in_thread(self._send_here, method, path, body, headers)  # type: ignore[no-any-return]

    def _send_here(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Seen:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["Cookie"] = self.cookie
        connection = http.client.HTTPConnection("127.0.0.1", self.api.server.port, timeout=30)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            seen = Seen(answer.status, answer.headers, answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()
        if given := seen.headers.get("Set-Cookie"):
            self.cookie = given.partition(";")[0]
        return seen
