"""What an HTTP request must look like so that nobody between us and the client can understand it otherwise.

Two programs that find the end of a request at different places take a part of its body for the next one's head, with
somebody else's credentials. So what RFC 9112 lets a server guess at is refused: section 6.3 (lengths), 5.1 and 5.2
(field lines), 3.2 (Host).
"""

from __future__ import annotations

import re
from email.errors import FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect
from email.message import Message
from typing import Any

# A line without a colon, or with a space before it, which ends the head for some. Others are those of a multipart body,
# which the parser looks for in vain: it has got the head only.
_NO_LINE = MissingHeaderBodySeparatorDefect, FirstHeaderLineIsContinuationDefect
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


class Lines:
    """A file that is read line by line, and remembers the last one."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.last = b""

    def readline(self, *args: int) -> bytes:
        self.last = self._file.readline(*args)
        return self.last


def check_headers(headers: Message, last: bytes) -> None:
    """Raises ValueError for a head that can be read in more than one way, or whose ``last`` line is not its end."""
    if last not in (b"\r\n", b"\n"):
        raise ValueError("the connection was closed in the middle of the headers")
    if any(isinstance(defect, _NO_LINE) for defect in headers.defects):
        raise ValueError("a header line is not one")
    if any("\n" in value or "\r" in value for value in headers.values()):
        raise ValueError("a header line is folded")
    lengths, codings = headers.get_all("content-length", []), headers.get_all("transfer-encoding", [])
    if len(lengths) > 1 or not all(_DIGITS.fullmatch(length) for length in lengths):
        raise ValueError("Content-Length is not one number")
    if codings and (lengths or len(codings) > 1 or codings[0].lower() != "chunked"):
        raise ValueError("the body has another length than its Content-Length, or a coding that is not known here")
    if len(headers.get_all("host", [])) > 1:
        raise ValueError("there are several Host headers")
