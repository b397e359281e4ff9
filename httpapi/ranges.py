"""Sound that a player may ask for in parts (RFC 9110, ranges of bytes): seeking needs it, and Safari plays nothing
without it."""

from __future__ import annotations

import re

from httpapi.web import Request, Response

_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.ASCII)


def sound(request: Request, content: bytes, name: str, tag: str) -> Response:
    """200 with the whole of it, 206 with the one range asked for, 416 for a range outside.

    ``tag`` names the content; several ranges at once are answered with the whole, as anybody may.
    """
    etag = f'"{tag}"'
    headers = {
        "Content-Type": "audio/wav",
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Cache-Control": "private, max-age=3600",  # a recording never changes
        "Content-Disposition": f'inline; filename="{name}.wav"',
    }
    if etag in [part.strip() for part in request.headers.get("if-none-match", "").split(",")]:
        return Response(304, headers=headers)
    asked = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if asked is None or request.headers.get("if-range", etag) != etag:
        return Response(200, content, headers)
    size = len(content)
    if asked[3] is not None:
        first, last = max(0, size - int(asked[3])), size - 1
    else:
        first, last = int(asked[1]), min(int(asked[2] or size - 1), size - 1)
    if first > last or first >= size:
        return Response(416, b"", {**headers, "Content-Range": f"bytes */{size}"})
    return Response(206, content[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{size}"})
