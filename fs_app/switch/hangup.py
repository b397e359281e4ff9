"""What a hangup cause says about the attempt: one table, for every cause of FreeSWITCH 1.10.12."""

from __future__ import annotations

import re

from fs_app.domain.enums import Outcome
from fs_app.errors import InvalidInput

_CAUSE = re.compile(r"[A-Z][A-Z0-9_]{1,40}", re.ASCII)

_CAUSES: dict[Outcome, str] = {
    Outcome.BUSY: "USER_BUSY BUSY_EVERYWHERE",
    # The callee was, or may have been, rung and nobody took it; or the call ended before an answer for a reason that
    # says nothing about the number or the trunk.
    Outcome.NO_ANSWER: """
        NO_ANSWER NO_USER_RESPONSE PROGRESS_TIMEOUT RECOVERY_ON_TIMER_EXPIRE ORIGINATOR_CANCEL NO_PICKUP
        SUBSCRIBER_ABSENT USER_NOT_REGISTERED ALLOTTED_TIMEOUT NONE NORMAL_CLEARING NORMAL_UNSPECIFIED SUCCESS
        LOSE_RACE PICKED_OFF BLIND_TRANSFER ATTENDED_TRANSFER BOWOUT MANAGER_REQUEST MEDIA_TIMEOUT PRE_EMPTED
        REDIRECTION_TO_NEW_DESTINATION CALL_AWARDED_DELIVERED""",
    Outcome.REJECTED: "CALL_REJECTED UNWANTED DECLINE REJECT_ALL INCOMING_CALL_BARRED",
    Outcome.BAD_NUMBER: """
        UNALLOCATED_NUMBER NO_ROUTE_DESTINATION INVALID_NUMBER_FORMAT NUMBER_CHANGED DOES_NOT_EXIST_ANYWHERE""",
    # Nothing wrong with the callee: another gateway, or the same one later, may well get through.
    Outcome.TRUNK: """
        GATEWAY_DOWN INVALID_GATEWAY NORMAL_TEMPORARY_FAILURE NETWORK_OUT_OF_ORDER NORMAL_CIRCUIT_CONGESTION
        SWITCH_CONGESTION DESTINATION_OUT_OF_ORDER NO_ROUTE_TRANSIT_NET CHANNEL_UNACCEPTABLE EXCHANGE_ROUTING_ERROR
        FACILITY_REJECTED RESPONSE_TO_STATUS_ENQUIRY ACCESS_INFO_DISCARDED REQUESTED_CHAN_UNAVAIL
        FACILITY_NOT_SUBSCRIBED OUTGOING_CALL_BARRED BEARERCAPABILITY_NOTAUTH BEARERCAPABILITY_NOTAVAIL
        SERVICE_UNAVAILABLE BEARERCAPABILITY_NOTIMPL CHAN_NOT_IMPLEMENTED FACILITY_NOT_IMPLEMENTED
        SERVICE_NOT_IMPLEMENTED INVALID_CALL_REFERENCE INCOMPATIBLE_DESTINATION INVALID_MSG_UNSPECIFIED
        MANDATORY_IE_MISSING MESSAGE_TYPE_NONEXIST WRONG_MESSAGE IE_NONEXIST INVALID_IE_CONTENTS WRONG_CALL_STATE
        MANDATORY_IE_LENGTH_ERROR PROTOCOL_ERROR INTERWORKING CRASH SYSTEM_SHUTDOWN USER_CHALLENGE INVALID_URL
        INVALID_PROFILE SRTP_READ_ERROR NOT_ACCEPTABLE NO_IDENTITY BAD_IDENTITY_INFO UNSUPPORTED_CERTIFICATE
        INVALID_IDENTITY STALE_DATE USAGE""",
}
_OUTCOME: dict[str, Outcome] = {cause: outcome for outcome, causes in _CAUSES.items() for cause in causes.split()}


def outcome(cause: str, answered: bool) -> Outcome:
    """How an attempt with this hangup cause ended.

    An answered call is ANSWERED whatever ended it (whether a person or a machine answered is not the cause's to
    say). A cause that this table does not know is NO_ANSWER: that counts the attempt and retries after the delay. To
    call it the trunk's fault would retry without counting, to call it a bad number would give up for ever.

    ``USAGE`` is no cause of FreeSWITCH's but what :mod:`fs_app.switch.events` calls an originate that the switch
    could not read.
    """
    if answered:
        return Outcome.ANSWERED
    return _OUTCOME.get(cause, Outcome.NO_ANSWER)


def known_causes() -> frozenset[str]:
    """Every cause that the table names."""
    return frozenset(_OUTCOME)


def check_cause(cause: str, field: str = "cause") -> str:
    """A hangup cause fit for a command line. Raises InvalidInput naming ``field``."""
    if not _CAUSE.fullmatch(cause):
        raise InvalidInput(field, "not a hangup cause: give one like NORMAL_CLEARING")
    return cause
