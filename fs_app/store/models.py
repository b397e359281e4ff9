"""The tables. The schema itself is made by the numbered migrations; a test holds these classes against it.

All moments are aware and UTC (see fields.py). Deleting a parent deletes what hangs below it; what is only referred to
(gateways, surveys, templates) cannot be deleted while it is in use.
"""

from __future__ import annotations

from datetime import time

from peewee import (
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    DatabaseProxy,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from fs_app.domain.enums import (
    AlarmMethod,
    AlarmResult,
    AlarmStatus,
    AmdBehavior,
    CallStatus,
    EventStatus,
    Role,
)
from fs_app.store.fields import JsonField, UtcDateTimeField, WallTimeField

database = DatabaseProxy()


class Root(Model):
    class Meta:
        database = database
        legacy_table_names = False


class Base(Root):
    """Every table but one is numbered; a number is never used again."""

    id = AutoField()


class User(Base):
    """Everybody who can sign in. ``manager`` is set on calendar users."""

    username = CharField(unique=True)
    password = CharField()
    first_name = CharField(default="")
    last_name = CharField(default="")
    email = CharField(default="")
    role = CharField(default=Role.CALENDAR_USER.value)
    manager = ForeignKeyField("self", null=True, backref="calendar_users", on_delete="CASCADE")
    manager_id: int | None
    is_active = BooleanField(default=True)
    created_date = UtcDateTimeField()

    class Meta:
        table_name = "users"


class ApiToken(Base):
    """A bearer token; only its SHA-256 is kept."""

    user = ForeignKeyField(User, backref="tokens", on_delete="CASCADE")
    user_id: int
    label = CharField(default="")
    digest = CharField(unique=True)
    scope = CharField(default="write")  # read | write
    created_date = UtcDateTimeField()
    expires_date = UtcDateTimeField(null=True)


class UserSession(Base):
    """Of a browser. ``digest`` is the SHA-256 of its cookie; ``mark`` an HMAC of the password hash it began with."""

    user = ForeignKeyField(User, backref="sessions", on_delete="CASCADE")
    user_id: int
    digest = CharField(unique=True)
    mark = CharField()
    created_date = UtcDateTimeField()
    expires_date = UtcDateTimeField()


class IdempotencyKey(Base):
    """A create that may be repeated; unique on (user, key). ``fingerprint`` is the SHA-256 of the request, ``body`` and
    ``location`` what it was answered."""

    user = ForeignKeyField(User, on_delete="CASCADE")
    user_id: int
    key = CharField()
    fingerprint = CharField()
    body = TextField(default="")
    location = CharField(default="")
    created_date = UtcDateTimeField()

    class Meta:
        table_name = "idempotency_key"


class Gateway(Base):
    """How the switch reaches the telephone network. Timeouts in seconds."""

    name = CharField(unique=True)
    status = IntegerField(default=1)  # 1 active, 0 inactive
    description = TextField(default="")
    addprefix = CharField(default="")
    removeprefix = CharField(default="")
    gateways = CharField()
    gateway_codecs = CharField(default="")
    gateway_timeouts = CharField(default="")
    gateway_retries = CharField(default="")
    originate_dial_string = CharField(default="")
    addparameter = CharField(default="")
    failover = ForeignKeyField("self", null=True, on_delete="SET NULL")
    failover_id: int | None
    maximum_call = IntegerField(default=0)  # calls at once; 0 = no limit
    calls_per_second = IntegerField(default=0)  # 0 = no limit
    secondused = BigIntegerField(default=0)
    count_call = BigIntegerField(default=0)
    count_in_use = IntegerField(default=0)
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class SmsGateway(Base):
    name = CharField(unique=True)
    driver = CharField(default="file")
    parameters = JsonField(null=True)
    status = IntegerField(default=1)
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class AudioBlob(Root):
    """Recorded sound, by content. Immutable."""

    sha256 = CharField(primary_key=True)
    extension = CharField(default="wav")
    content = BlobField()


class AudioFile(Base):
    """A manager's name for a recording."""

    user = ForeignKeyField(User, on_delete="CASCADE")
    user_id: int
    name = CharField()
    blob = ForeignKeyField(AudioBlob, on_delete="RESTRICT")
    blob_id: str
    size = IntegerField(default=0)  # bytes
    created_date = UtcDateTimeField()


class SurveyTemplate(Base):
    user = ForeignKeyField(User, backref="survey_templates", on_delete="CASCADE")
    user_id: int
    name = CharField()
    tts_language = CharField(default="en")
    description = TextField(default="")
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class SectionTemplate(Base):
    """See fs_app.domain.survey.Section for what each column means."""

    survey = ForeignKeyField(SurveyTemplate, backref="sections", on_delete="CASCADE")
    survey_id: int
    type = IntegerField()
    order = IntegerField(default=1, column_name="position")
    question = CharField(default="")
    script = TextField(default="")
    audiofile = ForeignKeyField(AudioFile, null=True, on_delete="RESTRICT")
    audiofile_id: int | None
    invalid_audiofile = ForeignKeyField(AudioFile, null=True, on_delete="RESTRICT")
    invalid_audiofile_id: int | None
    retries = IntegerField(default=0)
    timeout = IntegerField(default=5)
    keys = JsonField(default=dict)
    rating_laps = IntegerField(default=9)
    validate_number = BooleanField(default=False)
    number_digits = IntegerField(default=2)
    min_number = IntegerField(default=0)
    max_number = IntegerField(default=100)
    phonenumber = CharField(default="")
    confirm_script = TextField(default="")
    confirm_key = CharField(default="")
    conference = CharField(default="")
    sms_text = TextField(default="")
    completed = BooleanField(default=False)
    results = JsonField(null=True)
    translations = JsonField(default=dict)
    record_seconds = IntegerField(default=60)
    record_silence = IntegerField(default=3)
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class BranchingTemplate(Base):
    """``goto`` NULL hangs up."""

    section = ForeignKeyField(SectionTemplate, backref="branches", on_delete="CASCADE")
    section_id: int
    keys = CharField()
    goto = ForeignKeyField(SectionTemplate, null=True, on_delete="CASCADE")
    goto_id: int | None
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class SealedSurvey(Base):
    """``content`` is fs_app.domain.survey.Survey as canonical JSON; never updated."""

    user = ForeignKeyField(User, backref="sealed_surveys", on_delete="CASCADE")
    user_id: int
    template = ForeignKeyField(SurveyTemplate, null=True, on_delete="SET NULL")
    template_id: int | None
    name = CharField()
    description = TextField(default="")
    tts_language = CharField(default="en")
    content = TextField()
    content_hash = CharField()
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class MailTemplate(Base):
    user = ForeignKeyField(User, on_delete="CASCADE")
    user_id: int
    label = CharField()
    subject = CharField()
    from_email = CharField(default="")
    from_name = CharField(default="")
    message_plaintext = TextField(default="")
    message_html = TextField(default="")
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class SmsTemplate(Base):
    user = ForeignKeyField(User, on_delete="CASCADE")
    user_id: int
    label = CharField()
    sender_phonenumber = CharField(default="")
    sms_text = TextField(default="")
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class DncList(Base):
    user = ForeignKeyField(User, on_delete="CASCADE")
    user_id: int
    name = CharField()
    description = TextField(default="")
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class DncContact(Base):
    """A number of one manager's lists that must not be called; digits with an optional ``+``."""

    dnc_list = ForeignKeyField(DncList, backref="contacts", on_delete="CASCADE")
    dnc_list_id: int
    phone_number = CharField()
    created_date = UtcDateTimeField()


class CalendarSetting(Base):
    """``user`` is the manager. ``call_timeout`` is the ring time in seconds."""

    user = ForeignKeyField(User, backref="calendar_settings", on_delete="CASCADE")
    user_id: int
    label = CharField()
    callerid = CharField(default="")
    caller_name = CharField(default="")
    call_timeout = IntegerField(default=60)
    survey = ForeignKeyField(SealedSurvey, on_delete="RESTRICT")
    survey_id: int
    aleg_gateway = ForeignKeyField(Gateway, on_delete="RESTRICT")
    aleg_gateway_id: int
    sms_gateway = ForeignKeyField(SmsGateway, null=True, on_delete="RESTRICT")
    sms_gateway_id: int | None
    voicemail = BooleanField(default=False)
    amd_behavior = IntegerField(default=AmdBehavior.ALWAYS.value)
    voicemail_audiofile = ForeignKeyField(AudioFile, null=True, on_delete="RESTRICT")
    voicemail_audiofile_id: int | None
    require_keypress = BooleanField(default=False)  # answered without a valid key is retried
    amd_parameters = JsonField(null=True)  # of ivr.amd; NULL: its defaults
    retry_delays = JsonField(null=True)  # seconds by outcome, where they differ from the alarm's retry_delay
    country = CharField(default="")  # ISO 3166 code of numbers written without one; empty: dialled as written
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class CalendarUserProfile(Base):
    user = ForeignKeyField(User, unique=True, backref="profile", on_delete="CASCADE")
    user_id: int
    manager = ForeignKeyField(User, backref="profiles", on_delete="CASCADE")
    manager_id: int
    calendar_setting = ForeignKeyField(CalendarSetting, null=True, on_delete="SET NULL")
    calendar_setting_id: int | None
    accountcode = IntegerField(null=True)
    address = CharField(null=True)
    city = CharField(null=True)
    state = CharField(null=True)
    country = CharField(default="")
    zip_code = CharField(null=True)
    phone_no = CharField(null=True)
    fax = CharField(null=True)
    company_name = CharField(null=True)
    company_website = CharField(null=True)
    language = CharField(null=True)
    note = TextField(null=True)
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class Calendar(Base):
    """``timezone`` is an IANA name; empty means the configured one. Closed are whole days by its clock."""

    name = CharField()
    user = ForeignKeyField(User, backref="calendars", on_delete="CASCADE")
    user_id: int
    tenant = IntegerField(null=True)  # the manager above; triggers of the database see to it
    max_concurrent = IntegerField(default=0)
    timezone = CharField(default="")
    closed_weekdays = JsonField(null=True)  # ["SA", "SU"]
    closed_dates = JsonField(null=True)  # ["2026-12-25"]
    created_date = UtcDateTimeField()


class Lane(Root):
    """The queue of one calendar's calls, made with it. ``due_at`` is when the scheduler must look at it again: never
    later than its next due call, which triggers of the database see to; NULL while none waits. ``gateway_id`` is where
    its last calls went, 0 where nobody knows."""

    calendar = ForeignKeyField(Calendar, primary_key=True, on_delete="CASCADE")
    calendar_id: int
    gateway_id = IntegerField(default=0)
    due_at = UtcDateTimeField(null=True)


class Pace(Root):
    """``next_at`` is when the next call of this scope (all, a gateway, a switch) may start at the earliest."""

    scope = CharField(primary_key=True)
    next_at = UtcDateTimeField()


class CalendarFeed(Base):
    """The private address at which a calendar can be read as a file."""

    calendar = ForeignKeyField(Calendar, unique=True, on_delete="CASCADE")
    calendar_id: int
    token = CharField(unique=True)
    created_date = UtcDateTimeField()


class CalendarSubscription(Base):
    """A calendar elsewhere whose events are merged into ``calendar``. ``interval`` in minutes, notices in seconds.

    ``next_poll_at`` is NULL while it is switched off. ``advance_notice`` NULL: only what has a VALARM gets an alarm.
    """

    calendar = ForeignKeyField(Calendar, on_delete="CASCADE")
    calendar_id: int
    address = CharField()
    interval = IntegerField(default=60)
    alarm_phonenumber = CharField(default="")
    advance_notice = IntegerField(null=True)
    maxretry = IntegerField(default=0)
    retry_delay = IntegerField(default=0)
    status = IntegerField(default=1)
    etag = CharField(default="")
    last_modified = CharField(default="")
    content_hash = CharField(default="")
    failures = IntegerField(default=0)
    last_poll = UtcDateTimeField(null=True)
    last_error = CharField(default="")
    report = JsonField(null=True)
    next_poll_at = UtcDateTimeField(null=True)
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class Rule(Base):
    """Recurrence; ``user`` NULL is shipped with the product."""

    user = ForeignKeyField(User, null=True, on_delete="CASCADE")
    user_id: int | None
    name = CharField()
    description = TextField(default="")
    frequency = CharField()
    params = TextField(default="")


class Event(Base):
    """``next_child_at`` is when the scheduler must look at a recurring master again; NULL for all others.

    ``last_occurrence`` of a master: occurrences that start up to then are settled (made, or left out while paused),
    even if their child has since been moved or deleted. NULL before the series begins and when it is over.
    """

    title = CharField(default="")
    description = TextField(null=True)
    start = UtcDateTimeField()
    end = UtcDateTimeField(column_name="finish")
    creator = ForeignKeyField(User, on_delete="CASCADE")
    creator_id: int
    calendar = ForeignKeyField(Calendar, backref="events", on_delete="CASCADE")
    calendar_id: int
    rule = ForeignKeyField(Rule, null=True, on_delete="RESTRICT")
    rule_id: int | None
    end_recurring_period = UtcDateTimeField(null=True)
    notify_count = IntegerField(default=0)
    status = IntegerField(default=EventStatus.PENDING.value)
    data = JsonField(null=True)
    parent_event = ForeignKeyField("self", null=True, backref="children", on_delete="CASCADE")
    parent_event_id: int | None
    occ_count = IntegerField(default=0)
    tenant = IntegerField(null=True)  # the calendar's
    owner = IntegerField(null=True)
    next_child_at = UtcDateTimeField(null=True)
    last_occurrence = UtcDateTimeField(null=True)
    exdates = JsonField(null=True)  # days and moments that the rule leaves out; see fs_app.domain.rules.Exclusions
    ical_uid = CharField(null=True)  # of an imported event; unique in its calendar
    ical_hash = CharField(default="")  # what was read last, so that the same is not written again
    ical_alarms = JsonField(null=True)  # ids of the alarms made from its VALARMs
    ical_source_id = IntegerField(null=True)  # the subscription it came by
    created_on = UtcDateTimeField()


class Occurrence(Base):
    """A single occurrence that somebody kept, moved or cancelled; unique on (event, original_start).

    ``event`` is the master. ``child`` is the event made of it ahead of its time; NULL while there is none.
    """

    event = ForeignKeyField(Event, backref="occurrences", on_delete="CASCADE")
    event_id: int
    original_start = UtcDateTimeField()
    child = ForeignKeyField(Event, null=True, backref="occurrence", on_delete="SET NULL")
    child_id: int | None
    cancelled = BooleanField(default=False)
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class Alarm(Base):
    """``due_at`` is when the next attempt may be made; NULL while there is none to make (in process, ended, paused).

    ``date_start_notice`` NULL is the event's start. ``num_attempt`` counts the attempts that count against
    ``maxretry``; ``sequence`` counts every claim ever made. Delays and notices in seconds.
    """

    event = ForeignKeyField(Event, backref="alarms", on_delete="CASCADE")
    event_id: int
    method = IntegerField(default=AlarmMethod.CALL.value)
    alarm_phonenumber = CharField(default="")
    alarm_email = CharField(default="")
    date_start_notice = UtcDateTimeField(null=True)
    daily_start = WallTimeField(default=time(0, 0, 0))
    daily_stop = WallTimeField(default=time(23, 59, 59))
    advance_notice = IntegerField(default=0)
    maxretry = IntegerField(default=0)
    retry_delay = IntegerField(default=0)
    survey = ForeignKeyField(SealedSurvey, null=True, on_delete="RESTRICT")
    survey_id: int | None
    mail_template = ForeignKeyField(MailTemplate, null=True, on_delete="RESTRICT")
    mail_template_id: int | None
    sms_template = ForeignKeyField(SmsTemplate, null=True, on_delete="RESTRICT")
    sms_template_id: int | None
    phonenumber_sms_failure = CharField(default="")
    url_confirm = CharField(default="")
    url_cancel = CharField(default="")
    phonenumber_transfer = CharField(default="")
    retry_delays = JsonField(null=True)  # seconds by outcome; before the setting's
    insistent = BooleanField(default=False)  # a wake-up call: only the key, or the code, is success
    insistent_code = CharField(default="")
    phonenumber_escalation = CharField(default="")  # called when an insistent alarm has failed for good
    num_attempt = IntegerField(default=0)
    sequence = IntegerField(default=0)
    status = IntegerField(default=AlarmStatus.PENDING.value)
    result = IntegerField(default=AlarmResult.NONE.value)
    due_at = UtcDateTimeField(null=True)
    tenant = IntegerField(null=True)  # as lane
    owner = IntegerField(null=True)
    lane = IntegerField(null=True)  # id of the event's calendar; triggers of the database see to it
    reason = CharField(default="")
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class CallRequest(Base):
    """One call: its identity is chosen here, before dialling. A lease says which process answers for it.

    ``dialled_at`` is committed just before the originate is sent: without it the phone cannot have rung.
    """

    request_uuid = CharField(unique=True)
    aleg_uuid = CharField(default="")
    call_time = UtcDateTimeField()
    status = IntegerField(default=CallStatus.PENDING.value)
    callerid = CharField(default="")
    caller_name = CharField(default="")
    phone_number = CharField()
    timeout = IntegerField(default=60)
    timelimit = IntegerField(default=600)
    num_attempt = IntegerField(default=1)
    result = IntegerField(default=AlarmResult.NONE.value)
    hangup_cause = CharField(default="")
    completed = BooleanField(default=False)
    amd_status = CharField(default="")  # person | machine | unknown; empty: not asked
    amd_reason = CharField(default="")
    amd_ms = IntegerField(null=True)  # from the answer to the decision
    message_left = BooleanField(default=False)
    survey = ForeignKeyField(SealedSurvey, on_delete="RESTRICT")
    survey_id: int
    gateway = ForeignKeyField(Gateway, null=True, on_delete="SET NULL")
    gateway_id: int | None
    user = ForeignKeyField(User, null=True, on_delete="CASCADE")  # whose call: tenancy
    user_id: int | None
    tenant = IntegerField(null=True)  # the manager above the user
    calendar_id = IntegerField(null=True)  # for which calendar: counts against its max_concurrent
    replaces = ForeignKeyField("self", null=True, on_delete="SET NULL")  # the call whose gateway failed before this one
    replaces_id: int | None
    switch = CharField(default="")
    originate = TextField(default="")
    tags = JsonField(null=True)
    language = CharField(default="")
    lease_token = CharField(null=True)
    lease_expires = UtcDateTimeField(null=True)
    dialled_at = UtcDateTimeField(null=True)
    answered_at = UtcDateTimeField(null=True)
    ended_at = UtcDateTimeField(null=True)
    ringing_at = UtcDateTimeField(null=True)  # known once the call is over
    protocol_cause = CharField(default="")  # as the network gave it, e.g. sip:486
    visited = TextField(default="")  # a line for each section heard: its id, a space, when (ISO 8601, UTC)
    duration = IntegerField(default=0)  # seconds, answered part
    outcome = CharField(default="")
    ivr_started_at = UtcDateTimeField(null=True)
    ivr_end = CharField(default="")
    reason = CharField(default="")
    last_section = IntegerField(null=True)
    created_date = UtcDateTimeField()


class Outbox(Base):
    """Something to be sent into the world, written in the transaction of its cause; see fs_app/notify.

    ``kind`` is ``sms``, ``mail`` or ``webhook``; the status is a MessageStatus. ``due_at`` is NULL unless it is
    pending; while a process sends it, it is when that process's lease ends. ``lane`` is what else would fail if the
    other side cannot be reached: a host, a gateway. ``reference`` is the other side's id for it.
    """

    kind = CharField()
    idempotency_key = CharField(unique=True)
    destination = CharField()
    lane = CharField(default="")
    payload = JsonField()
    status = CharField(default="pending")
    attempts = IntegerField(default=0)
    due_at = UtcDateTimeField(null=True)
    expires_at = UtcDateTimeField()
    lease_token = CharField(null=True)
    lease_expires = UtcDateTimeField(null=True)
    reference = CharField(default="")
    reason = CharField(default="")
    alarm = ForeignKeyField(Alarm, null=True, on_delete="SET NULL")
    alarm_id: int | None
    callrequest = ForeignKeyField(CallRequest, null=True, on_delete="SET NULL")
    callrequest_id: int | None
    user = ForeignKeyField(User, null=True, on_delete="CASCADE")  # the manager it is sent for
    user_id: int | None
    sms_gateway = ForeignKeyField(SmsGateway, null=True, on_delete="SET NULL")  # the one it left by
    sms_gateway_id: int | None
    report = CharField(default="")  # what that reported of it: fs_app.domain.replies.Report
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class AlarmRequest(Base):
    """One attempt of an alarm; unique on (alarm, attempt). It is a call, or a message of the outbox."""

    alarm = ForeignKeyField(Alarm, backref="requests", on_delete="CASCADE")
    alarm_id: int
    attempt = IntegerField()
    tenant = IntegerField(null=True)  # the alarm's
    owner = IntegerField(null=True)
    callrequest = ForeignKeyField(CallRequest, null=True, unique=True, backref="alarm_request", on_delete="CASCADE")
    callrequest_id: int | None
    outbox = ForeignKeyField(Outbox, null=True, backref="alarm_requests", on_delete="SET NULL")
    outbox_id: int | None
    date = UtcDateTimeField()
    status = IntegerField(default=AlarmStatus.IN_PROCESS.value)
    callstatus = IntegerField(default=0)
    duration = IntegerField(default=0)
    reason = CharField(default="")
    created_date = UtcDateTimeField()


class SurveyAnswer(Base):
    """One key entry; unique on (call, position)."""

    callrequest = ForeignKeyField(CallRequest, backref="answers", on_delete="CASCADE")
    callrequest_id: int
    position = IntegerField()
    survey = ForeignKeyField(SealedSurvey, on_delete="RESTRICT")
    survey_id: int
    section_id = IntegerField()  # id of the section inside the sealed survey, not a foreign key
    digits = CharField(default="")
    valid = BooleanField(default=True)
    response = CharField(default="")
    result = IntegerField(null=True)
    recording = ForeignKeyField(AudioBlob, null=True, on_delete="RESTRICT")
    recording_id: str | None
    recording_seconds = IntegerField(default=0)
    created_date = UtcDateTimeField()


class Webhook(Base):
    """One per manager: the secret that signs what is posted for it, and where its events go. Empty URL: nowhere."""

    user = ForeignKeyField(User, unique=True, on_delete="CASCADE")
    user_id: int
    secret = CharField()
    url = CharField(default="")
    events = CharField(default="")  # names separated by commas; empty: all
    status = IntegerField(default=1)
    created_date = UtcDateTimeField()
    updated_date = UtcDateTimeField()


class SmsReply(Base):
    """What somebody answered to a short message, and what was made of it. ``message_id`` is the gateway's."""

    sms_gateway = ForeignKeyField(SmsGateway, on_delete="CASCADE")
    sms_gateway_id: int
    message_id = CharField(null=True)
    sender = CharField()
    text = TextField()
    meaning = CharField()
    alarm = ForeignKeyField(Alarm, null=True, on_delete="SET NULL")
    alarm_id: int | None
    created_date = UtcDateTimeField()


MODELS: tuple[type[Root], ...] = (
    User,
    ApiToken,
    UserSession,
    IdempotencyKey,
    Gateway,
    SmsGateway,
    AudioBlob,
    AudioFile,
    SurveyTemplate,
    SectionTemplate,
    BranchingTemplate,
    SealedSurvey,
    MailTemplate,
    SmsTemplate,
    DncList,
    DncContact,
    CalendarSetting,
    CalendarUserProfile,
    Calendar,
    Lane,
    Pace,
    Rule,
    Event,
    Occurrence,
    Alarm,
    CallRequest,
    Outbox,
    AlarmRequest,
    SurveyAnswer,
    Webhook,
    SmsReply,
)
