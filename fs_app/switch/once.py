"""At most once at the switch itself: a record that it keeps of the originates it has run.

Before a channel sends its INVITE it runs ``execute_on_originate``: here ``limit``, which counts the call's UUID in a
table of mod_hash and ends the channel when it is not the first. Counting is one step under a lock, so of two who come
with the same UUID one is let through. Whoever wants to know whether an originate was run comes with its UUID himself,
by a channel to nowhere: when he is let through it was not, and never will be.

The table is gone when the switch is restarted or mod_hash is reloaded, and so is the name that we gave to it: an answer
counts only while the table has the name that the originate was sent with. (Seen on 1.10.12; switch_ivr_originate.c,
mod_hash.c.)
"""

from __future__ import annotations

import re
from datetime import timedelta

REMEMBERED = 7200  # seconds for which a UUID stays counted
# A question about an older originate might come when its UUID is forgotten. An originate that is still on its way when
# the question is answered arrives before that is forgotten: TCP gives up within half an hour.
ASKED_WITHIN = timedelta(hours=1)
REFUSED = "INVALID_CALL_REFERENCE"  # the cause of a channel that is not the first; nobody was rung
_RECORD = re.compile(r"fs_app_[0-9a-f]{12}", re.ASCII)
_IN_A_LINE = re.compile(r"execute_on_originate='limit hash (fs_app_[0-9a-f]{12}) ", re.ASCII)
_NAME = "fs_app/record"  # realm and key


def record_name(text: str) -> str:
    """The name of a record, as it is read from the switch; empty when it is none, for want of mod_hash."""
    name = text.strip()
    return name if _RECORD.fullmatch(name) else ""


def name_command(fresh: str) -> str:
    """Give the record a name, where it has none. ``fresh`` is twelve hexadecimal digits that nobody has used."""
    return f"hash insert_ifempty/{_NAME}/fs_app_{fresh}"


NAME_QUESTION = f"hash select/{_NAME}"


def count_variable(record: str, call_uuid: str) -> str:
    """The variable that makes a channel come through once. Both arguments have been checked."""
    return f"execute_on_originate='limit hash {record} {call_uuid} 1/{REMEMBERED} !{REFUSED}'"


def record_of(line: str) -> str:
    """The name of the record with which an originate line was sent; empty for none."""
    found = _IN_A_LINE.search(line)
    return found[1] if found else ""


def question(record: str, call_uuid: str) -> str:
    """The command that comes through, ``+OK``, when the originate of that UUID was not run; it never will be then."""
    return f"originate {{{count_variable(record, call_uuid)}}}null/fs_app &hangup()"
