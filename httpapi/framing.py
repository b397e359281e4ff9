"""What an HTTP request must look like so that nobody between us and the client can understand it otherwise.

Two programs that find the end of a request at different places take a part of its body for the next one's head, with
somebody else's credentials. So what RFC 9112 lets a server guess at is refused: section 6.3 (lengths), 5.1 and 5.2
(field lines), 3.2 (Host).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

LINE_MAX = 65_536  # bytes of one field line
LINES_MAX = 100
# RFC 9110, section 5.5: visible characters, spaces, tabs and, obsolete but sent, bytes above ASCII. What is folded, has
# no colon or a space before it is no field line here. Nothing in it can match in two ways: a line may be long.
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)\r?\n")
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


class File(Protocol):
    def readline(self, size: int, /) -> bytes: ...


class Head:
    """The field lines of one request, in the form that pywsgi expects of what reads them; text is Latin-1."""

    status = ""  # pywsgi's place for what is wrong; here that is an exception

    def __init__(self, file: File) -> None:
        """Read up to the empty line. Raises ValueError for a head that can be read in more than one way, is cut off, or
        is larger than :data:`LINES_MAX` and :data:`LINE_MAX` allow."""
        self._fields: list[tuple[str, str]] = []
        while (line := file.readline(LINE_MAX + 1)) not in (b"\r\n", b"\n"):
            if not line:
                raise ValueError("the connection was closed in the middle of the headers")
            found = _FIELD.fullmatch(line)
            if found is None:
                raise ValueError("a header line is too long, folded, cut off, or not one")
            if len(self._fields) == LINES_MAX:
                raise ValueError(f"there are more than {LINES_MAX} header lines")
            self._fields.append((found[1].decode("ascii"), found[2].strip(b" \t").decode("latin-1")))
        lengths, codings = self.all("content-length"), self.all("transfer-encoding")
        if len(lengths) > 1 or not all(_DIGITS.fullmatch(length) for length in lengths):
            raise ValueError("Content-Length is not one number")
        if codings and (lengths or len(codings) > 1 or codings[0].lower() != "chunked"):
            raise ValueError("the body has another length than its Content-Length, or a coding that is not known here")
        if len(self.all("host")) > 1:
            raise ValueError("there are several Host headers")

    def all(self, name: str) -> list[str]:
        """The values of every field of that name."""
        name = name.lower()
        return [value for key, value in self._fields if key.lower() == name]

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of the first field of that name."""
        return next(iter(self.all(name)), default)

    getheader = get

    @property
    def typeheader(self) -> str | None:
        return self.get("content-type")

    @property
    def headers(self) -> Iterator[str]:
        for name, value in self._fields:
            yield f"{name}: {value}\r\n"

    def __delitem__(self, name: str) -> None:
        self._fields = [(key, value) for key, value in self._fields if key.lower() != name.lower()]
