"""How each resource is called, explained and laid out for people at a desk: words only, no behaviour.

What a field may hold is declared once, in the resource's schema; a field that is new there shows up here by itself,
under its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Display:
    """``url`` is the console's address; ``title`` the field that names a row; ``fields`` the form's order, first those
    everybody fills in, then ``more`` behind a fold. ``labels`` and ``help`` are by field name."""

    path: str
    url: str
    one: str
    many: str
    intro: str
    title: str
    columns: tuple[str, ...]
    fields: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    help: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()  # set by the product or by another page
    newest_first: bool = False


LABELS: Mapping[str, str] = {
    "url": "Web address",
    "user": "Belongs to",
    "callerid": "Caller's number",
    "caller_name": "Caller's name",
    "aleg_gateway": "Telephone gateway",
    "sms_gateway": "SMS gateway",
    "call_timeout": "Let it ring for (seconds)",
    "amd_behavior": "When a machine answers",
    "voicemail": "Leave a message on machines",
    "voicemail_audiofile": "Recording for machines",
    "require_keypress": "Call again when no key was pressed",
    "alarm_phonenumber": "Telephone number",
    "alarm_email": "E-mail address",
    "date_start_notice": "Counts back from",
    "daily_start": "Not before",
    "daily_stop": "Not after",
    "advance_notice": "Remind this long before",
    "maxretry": "Extra attempts",
    "retry_delay": "Wait between attempts",
    "num_attempt": "Attempts made",
    "due_at": "Next attempt",
    "phonenumber_sms_failure": "If nobody is reached, text to",
    "phonenumber_transfer": "Transfer “another time” to",
    "url_confirm": "Web address told of “confirmed”",
    "url_cancel": "Web address told of “cancelled”",
    "occ_count": "Number in series",
    "parent_event": "Series",
    "end_recurring_period": "Repeat until",
    "rule": "Repeat",
    "creator": "Calendar user",
    "max_concurrent": "Calls at the same time",
    "timezone": "Time zone",
    "tts_language": "Language of the voice",
    "created_date": "Created",
    "created_on": "Created",
    "updated_date": "Changed",
    "phone_no": "Telephone",
    "zip_code": "Postal code",
    "accountcode": "Account code",
    "gateways": "Dial through",
    "gateway_codecs": "Codecs",
    "gateway_timeouts": "Timeouts",
    "gateway_retries": "Retries",
    "originate_dial_string": "Channel variables",
    "addparameter": "More channel variables",
    "addprefix": "Put before each number",
    "removeprefix": "Take off each number",
    "maximum_call": "Calls at the same time",
    "calls_per_second": "Calls per second",
    "failover": "If it fails, use",
    "data": "Words for the survey",
    "audio_file": "Sound file",
    "sms_text": "Text of the message",
    "question": "Name in reports",
    "script": "Words spoken",
    "audiofile": "Recording instead of words",
    "invalid_audiofile": "Recording after a wrong key",
    "retries": "Ask again",
    "timeout": "Wait for a key (seconds)",
    "rating_laps": "Highest digit",
    "completed": "Counts as completed here",
    "validate_number": "Check the number",
    "number_digits": "Digits at most",
    "phonenumber": "Telephone number",
    "confirm_script": "Words before connecting",
    "confirm_key": "Key that connects",
    "dnc_list": "List",
    "phone_number": "Telephone number",
    "callrequest": "Call",
    "callstatus": "Call ended as",
    "hangup_cause": "Reason from the network",
    "disposition": "Ended as",
    "amd_status": "Who answered",
    "call_time": "Time",
    "date": "Time",
    "notify_count": "Notifications",
    "exdates": "Left out",
    "retry_delays": "Wait between attempts, by outcome",
    "insistent": "Call until it is acknowledged (wake-up call)",
    "insistent_code": "Keys that acknowledge it",
    "phonenumber_escalation": "If it is never acknowledged, call",
    "country": "Country of numbers without one",
    "amd_parameters": "Telling people from machines",
    "is_active": "May sign in",
    "record_seconds": "Record at most (seconds)",
    "record_silence": "Stop after silence of (seconds)",
}


def label(display: Display, name: str) -> str:
    """The words beside a field."""
    own = display.labels.get(name) or LABELS.get(name)
    return own or name.replace("_", " ").capitalize()


def article(words: str) -> str:
    """The words with a or an before them."""
    return f"an {words}" if words[0].lower() in "aeiou" or words.startswith("SMS") else f"a {words}"
