"""The registry of section types: one file per type, one line here.

A new type also gets its ways out in fs_app/domain/ways.py, its rules in fs_app/domain/lint_types.py and a golden
conversation in tests/golden/; a test walks this registry and fails when that is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fs_app.domain.enums import SectionType
from ivr.dialogue import Node
from ivr.nodes.call_transfer import CallTransfer
from ivr.nodes.capture_digits import CaptureDigits
from ivr.nodes.conference import Conference
from ivr.nodes.dnc import DoNotCall
from ivr.nodes.hangup import HangUpNow
from ivr.nodes.multi_choice import MultiChoice
from ivr.nodes.play_message import PlayMessage
from ivr.nodes.rating import Rating
from ivr.nodes.record_message import RecordAMessage
from ivr.nodes.sms import Sms

REGISTRY: Mapping[SectionType, Node] = MappingProxyType(
    {
        SectionType.PLAY_MESSAGE: PlayMessage(),
        SectionType.MULTI_CHOICE: MultiChoice(),
        SectionType.RATING: Rating(),
        SectionType.CAPTURE_DIGITS: CaptureDigits(),
        SectionType.RECORD_MESSAGE: RecordAMessage(),
        SectionType.CALL_TRANSFER: CallTransfer(),
        SectionType.HANGUP: HangUpNow(),
        SectionType.CONFERENCE: Conference(),
        SectionType.DNC: DoNotCall(),
        SectionType.SMS: Sms(),
    }
)
