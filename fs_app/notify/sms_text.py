"""Pure: a text as the parts of a short message on the air (GSM 03.38 and 03.40), never splitting a character."""

from __future__ import annotations

from dataclasses import dataclass

# GSM 03.38, default alphabet: the position of a character is its code. 0x1B leads to the extension below.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {"\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40}
_EXTENDED["€"] = 0x65
_GSM: dict[str, bytes] = {c: bytes([n]) for n, c in enumerate(_BASIC) if c != "\x1b"}
_GSM.update({c: bytes([0x1B, n]) for c, n in _EXTENDED.items()})
PARTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Parts:
    """``coding`` is SMPP's data_coding: 0 the default alphabet, 8 UCS-2. With ``header`` each part begins with one
    (UDH, concatenated message)."""

    bodies: tuple[bytes, ...]
    coding: int
    header: bool


def split(text: str, reference: int) -> Parts:
    """``reference`` (0 to 255) tells the parts of one message from those of another.

    One part holds 160 characters of the default alphabet or 70 of UCS-2, each of several 153 or 67. A text beyond
    20 parts is cut.
    """
    if all(c in _GSM for c in text):
        units, coding, single, several = [_GSM[c] for c in text], 0, 160, 153
    else:
        units, coding, single, several = [c.encode("utf-16-be", "replace") for c in text], 8, 140, 134
    if sum(map(len, units)) <= single:
        return Parts((b"".join(units),), coding, False)
    bodies, current = [], b""
    for unit in units:
        if len(current) + len(unit) > several:
            bodies.append(current)
            current = b""
        current += unit
    bodies = [*bodies, current][:PARTS_MAX]
    heads = [bytes([5, 0, 3, reference & 0xFF, len(bodies), n]) for n in range(1, len(bodies) + 1)]
    return Parts(tuple(h + b for h, b in zip(heads, bodies, strict=True)), coding, True)
