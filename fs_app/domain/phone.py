"""The one gate for telephone numbers and caller-ID names.

An originate line is split on spaces, then on ``|``, ``,`` and ``[``, and ``@`` leaves the gateway: whatever is not a
plain number must never get that far. See FREESWITCH facts in docs/originate.md.
"""

from __future__ import annotations

import re

from fs_app.errors import InvalidInput

_NUMBER = re.compile(r"\+?[0-9]{3,18}", re.ASCII)
_SIP_URI = re.compile(
    r"sip:[A-Za-z0-9+_.\-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?", re.ASCII
)
_PUNCTUATION = re.compile(r"[ .()/\-]", re.ASCII)
# Letters and digits of any language, and what names are written with. Not , ' " \ $ { } < > | ; % and no controls.
_NAME_FORBIDDEN = re.compile(r"[^\w .:()&/+\-]", re.UNICODE)
NAME_MAX = 60
SUBSCRIBER_MIN = 9  # digits; below, two numbers are one telephone only when they are equal


def normalise_number(text: str, field: str = "phonenumber") -> str:
    """A dialable number: an optional ``+`` and 3 to 18 ASCII digits.

    People write spaces, dots, dashes, slashes and brackets; those are dropped.

    >>> normalise_number("+1 (555) 010-9999")
    '+15550109999'

    Raises InvalidInput naming ``field``.
    """
    number = _PUNCTUATION.sub("", text.strip(" "))
    if not _NUMBER.fullmatch(number):
        raise InvalidInput(
            field, "not a telephone number: give 3 to 18 digits, with a leading + for international form"
        )
    return number


def is_number(text: str) -> bool:
    """Whether ``text`` is already exactly what :func:`normalise_number` returns."""
    return _NUMBER.fullmatch(text) is not None


def same_subscriber(one: str, other: str) -> bool:
    """Whether two numbers may be one telephone, written in the country or from abroad.

    Networks show ``0612345678`` for what is stored as ``+33612345678``: a leading ``+``, ``00`` or single ``0`` is
    left out, and the shorter one, of at least :data:`SUBSCRIBER_MIN` digits, must end the longer one.

    >>> same_subscriber("+33612345678", "0612345678")
    True
    """
    first, second = sorted((subscriber(one), subscriber(other)), key=len)
    return bool(first) and (first == second or (len(first) >= SUBSCRIBER_MIN and second.endswith(first)))


def subscriber(number: str) -> str:
    """The digits of a number without what says where one dials from.

    >>> subscriber("0033612345678")
    '33612345678'
    """
    digits = number.removeprefix("+")
    return digits[2:] if digits.startswith("00") else digits.removeprefix("0")


def through_gateway(number: str, addprefix: str, removeprefix: str, field: str = "phonenumber") -> str:
    """The number as a gateway wants it: one of the prefixes in ``removeprefix`` (commas between them; the longest that
    fits) taken off once, ``addprefix`` put on.

    Raises InvalidInput naming ``field`` when what results is not a number.
    """
    plain = normalise_number(number, field)
    prefixes = (prefix.strip() for prefix in removeprefix.split(","))
    longest = max((prefix for prefix in prefixes if prefix and plain.startswith(prefix)), key=len, default="")
    return normalise_number(addprefix + plain[len(longest) :], field)


def is_sip_uri(text: str) -> bool:
    """Whether ``text`` is ``sip:user@host[:port]``, in characters that mean nothing to a dial string."""
    return _SIP_URI.fullmatch(text) is not None


def check_caller_name(text: str, field: str = "caller_name") -> str:
    """A caller-ID name that cannot end a header or add a channel variable.

    Raises InvalidInput naming ``field`` when it holds anything but letters, digits, spaces and ``. : ( ) & / + - _``,
    or ``:_:``, or more than 60 characters.
    """
    name = text.strip(" ")
    if ":_:" in name:
        # Before it takes a dial string apart in any other way, the switch splits it here and rings both halves: with
        # this in a name, seen to dial what the name went on with.
        raise InvalidInput(field, "must not contain :_: because FreeSWITCH starts a second call there")
    found = _NAME_FORBIDDEN.search(name)
    if found:
        raise InvalidInput(
            field,
            f"the character {found.group()!r} is not allowed: use letters, digits, spaces and . : ( ) & / + - _",
        )
    if len(name) > NAME_MAX:
        raise InvalidInput(field, f"has {len(name)} characters: at most {NAME_MAX}")
    return name
