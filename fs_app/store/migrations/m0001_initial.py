"""The first schema. ``{serial}``, ``{moment}`` and ``{blob}`` are the dialect's words for them."""

TABLES = """
CREATE TABLE users (
    id {serial},
    username TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    manager_id INTEGER REFERENCES users ON DELETE CASCADE,
    is_active BOOLEAN NOT NULL,
    created_date {moment} NOT NULL
);

CREATE TABLE api_token (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    label TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    created_date {moment} NOT NULL,
    expires_date {moment}
);

CREATE TABLE gateway (
    id {serial},
    name TEXT NOT NULL UNIQUE,
    status INTEGER NOT NULL,
    description TEXT NOT NULL,
    addprefix TEXT NOT NULL,
    removeprefix TEXT NOT NULL,
    gateways TEXT NOT NULL,
    gateway_codecs TEXT NOT NULL,
    gateway_timeouts TEXT NOT NULL,
    gateway_retries TEXT NOT NULL,
    originate_dial_string TEXT NOT NULL,
    addparameter TEXT NOT NULL,
    failover_id INTEGER REFERENCES gateway ON DELETE SET NULL,
    maximum_call INTEGER NOT NULL,
    calls_per_second INTEGER NOT NULL,
    secondused BIGINT NOT NULL,
    count_call BIGINT NOT NULL,
    count_in_use INTEGER NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE sms_gateway (
    id {serial},
    name TEXT NOT NULL UNIQUE,
    driver TEXT NOT NULL,
    parameters TEXT,
    status INTEGER NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE audio_blob (
    sha256 TEXT PRIMARY KEY,
    extension TEXT NOT NULL,
    content {blob} NOT NULL
);

CREATE TABLE audio_file (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL,
    blob_id TEXT NOT NULL REFERENCES audio_blob ON DELETE RESTRICT,
    size INTEGER NOT NULL,
    created_date {moment} NOT NULL
);

CREATE TABLE survey_template (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL,
    tts_language TEXT NOT NULL,
    description TEXT NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE section_template (
    id {serial},
    survey_id INTEGER NOT NULL REFERENCES survey_template ON DELETE CASCADE,
    type INTEGER NOT NULL,
    position INTEGER NOT NULL,
    question TEXT NOT NULL,
    script TEXT NOT NULL,
    audiofile_id INTEGER REFERENCES audio_file ON DELETE RESTRICT,
    invalid_audiofile_id INTEGER REFERENCES audio_file ON DELETE RESTRICT,
    retries INTEGER NOT NULL,
    timeout INTEGER NOT NULL,
    keys TEXT NOT NULL,
    rating_laps INTEGER NOT NULL,
    validate_number BOOLEAN NOT NULL,
    number_digits INTEGER NOT NULL,
    min_number INTEGER NOT NULL,
    max_number INTEGER NOT NULL,
    phonenumber TEXT NOT NULL,
    confirm_script TEXT NOT NULL,
    confirm_key TEXT NOT NULL,
    conference TEXT NOT NULL,
    sms_text TEXT NOT NULL,
    completed BOOLEAN NOT NULL,
    results TEXT,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE branching_template (
    id {serial},
    section_id INTEGER NOT NULL REFERENCES section_template ON DELETE CASCADE,
    keys TEXT NOT NULL,
    goto_id INTEGER REFERENCES section_template ON DELETE CASCADE,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE sealed_survey (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    template_id INTEGER REFERENCES survey_template ON DELETE SET NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    tts_language TEXT NOT NULL,
    content TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE mail_template (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    label TEXT NOT NULL,
    subject TEXT NOT NULL,
    from_email TEXT NOT NULL,
    from_name TEXT NOT NULL,
    message_plaintext TEXT NOT NULL,
    message_html TEXT NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE sms_template (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    label TEXT NOT NULL,
    sender_phonenumber TEXT NOT NULL,
    sms_text TEXT NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE dnc_list (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE dnc_contact (
    id {serial},
    dnc_list_id INTEGER NOT NULL REFERENCES dnc_list ON DELETE CASCADE,
    phone_number TEXT NOT NULL,
    created_date {moment} NOT NULL
);

CREATE TABLE calendar_setting (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    label TEXT NOT NULL,
    callerid TEXT NOT NULL,
    caller_name TEXT NOT NULL,
    call_timeout INTEGER NOT NULL,
    survey_id INTEGER NOT NULL REFERENCES sealed_survey ON DELETE RESTRICT,
    aleg_gateway_id INTEGER NOT NULL REFERENCES gateway ON DELETE RESTRICT,
    sms_gateway_id INTEGER REFERENCES sms_gateway ON DELETE RESTRICT,
    voicemail BOOLEAN NOT NULL,
    amd_behavior INTEGER NOT NULL,
    voicemail_audiofile_id INTEGER REFERENCES audio_file ON DELETE RESTRICT,
    require_keypress BOOLEAN NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE calendar_user_profile (
    id {serial},
    user_id INTEGER NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
    manager_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    calendar_setting_id INTEGER REFERENCES calendar_setting ON DELETE SET NULL,
    accountcode INTEGER,
    address TEXT,
    city TEXT,
    state TEXT,
    country TEXT NOT NULL,
    zip_code TEXT,
    phone_no TEXT,
    fax TEXT,
    company_name TEXT,
    company_website TEXT,
    language TEXT,
    note TEXT,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE calendar (
    id {serial},
    name TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    max_concurrent INTEGER NOT NULL,
    timezone TEXT NOT NULL,
    created_date {moment} NOT NULL
);

CREATE TABLE rule (
    id {serial},
    user_id INTEGER REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    frequency TEXT NOT NULL,
    params TEXT NOT NULL
);

CREATE TABLE event (
    id {serial},
    title TEXT NOT NULL,
    description TEXT,
    start {moment} NOT NULL,
    finish {moment} NOT NULL,
    creator_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    calendar_id INTEGER NOT NULL REFERENCES calendar ON DELETE CASCADE,
    rule_id INTEGER REFERENCES rule ON DELETE RESTRICT,
    end_recurring_period {moment},
    notify_count INTEGER NOT NULL,
    status INTEGER NOT NULL,
    data TEXT,
    parent_event_id INTEGER REFERENCES event ON DELETE CASCADE,
    occ_count INTEGER NOT NULL,
    next_child_at {moment},
    last_occurrence {moment},
    created_on {moment} NOT NULL
);

CREATE TABLE alarm (
    id {serial},
    event_id INTEGER NOT NULL REFERENCES event ON DELETE CASCADE,
    method INTEGER NOT NULL,
    alarm_phonenumber TEXT NOT NULL,
    alarm_email TEXT NOT NULL,
    date_start_notice {moment},
    daily_start TEXT NOT NULL,
    daily_stop TEXT NOT NULL,
    advance_notice INTEGER NOT NULL,
    maxretry INTEGER NOT NULL,
    retry_delay INTEGER NOT NULL,
    survey_id INTEGER REFERENCES sealed_survey ON DELETE RESTRICT,
    mail_template_id INTEGER REFERENCES mail_template ON DELETE RESTRICT,
    sms_template_id INTEGER REFERENCES sms_template ON DELETE RESTRICT,
    phonenumber_sms_failure TEXT NOT NULL,
    url_confirm TEXT NOT NULL,
    url_cancel TEXT NOT NULL,
    phonenumber_transfer TEXT NOT NULL,
    num_attempt INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    status INTEGER NOT NULL,
    result INTEGER NOT NULL,
    due_at {moment},
    reason TEXT NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);

CREATE TABLE call_request (
    id {serial},
    request_uuid TEXT NOT NULL UNIQUE,
    aleg_uuid TEXT NOT NULL,
    call_time {moment} NOT NULL,
    status INTEGER NOT NULL,
    callerid TEXT NOT NULL,
    caller_name TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    timeout INTEGER NOT NULL,
    timelimit INTEGER NOT NULL,
    num_attempt INTEGER NOT NULL,
    result INTEGER NOT NULL,
    hangup_cause TEXT NOT NULL,
    completed BOOLEAN NOT NULL,
    amd_status TEXT NOT NULL,
    survey_id INTEGER NOT NULL REFERENCES sealed_survey ON DELETE RESTRICT,
    gateway_id INTEGER REFERENCES gateway ON DELETE SET NULL,
    user_id INTEGER REFERENCES users ON DELETE CASCADE,
    switch TEXT NOT NULL,
    originate TEXT NOT NULL,
    tags TEXT,
    language TEXT NOT NULL,
    lease_token TEXT,
    lease_expires {moment},
    dialled_at {moment},
    answered_at {moment},
    ended_at {moment},
    duration INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    ivr_started_at {moment},
    ivr_end TEXT NOT NULL,
    reason TEXT NOT NULL,
    last_section INTEGER,
    created_date {moment} NOT NULL
);

CREATE TABLE alarm_request (
    id {serial},
    alarm_id INTEGER NOT NULL REFERENCES alarm ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    callrequest_id INTEGER NOT NULL UNIQUE REFERENCES call_request ON DELETE CASCADE,
    date {moment} NOT NULL,
    status INTEGER NOT NULL,
    callstatus INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    created_date {moment} NOT NULL
);

CREATE TABLE survey_answer (
    id {serial},
    callrequest_id INTEGER NOT NULL REFERENCES call_request ON DELETE CASCADE,
    position INTEGER NOT NULL,
    survey_id INTEGER NOT NULL REFERENCES sealed_survey ON DELETE RESTRICT,
    section_id INTEGER NOT NULL,
    digits TEXT NOT NULL,
    valid BOOLEAN NOT NULL,
    response TEXT NOT NULL,
    result INTEGER,
    created_date {moment} NOT NULL
);
"""

INDEXES = """
CREATE INDEX users_manager ON users (manager_id);
CREATE INDEX api_token_user ON api_token (user_id);
CREATE INDEX audio_file_user ON audio_file (user_id);
CREATE INDEX survey_template_user ON survey_template (user_id);
CREATE INDEX section_template_survey ON section_template (survey_id);
CREATE UNIQUE INDEX branching_template_once ON branching_template (section_id, keys);
CREATE INDEX branching_template_goto ON branching_template (goto_id);
CREATE INDEX sealed_survey_user ON sealed_survey (user_id);
CREATE INDEX mail_template_user ON mail_template (user_id);
CREATE INDEX sms_template_user ON sms_template (user_id);
CREATE INDEX dnc_list_user ON dnc_list (user_id);
CREATE UNIQUE INDEX dnc_contact_once ON dnc_contact (dnc_list_id, phone_number);
CREATE INDEX dnc_contact_number ON dnc_contact (phone_number);
CREATE INDEX calendar_setting_user ON calendar_setting (user_id);
CREATE INDEX calendar_user_profile_manager ON calendar_user_profile (manager_id);
CREATE INDEX calendar_user ON calendar (user_id);
CREATE INDEX event_calendar ON event (calendar_id, start);
CREATE INDEX event_creator ON event (creator_id);
CREATE INDEX event_rule ON event (rule_id);
CREATE UNIQUE INDEX event_occurrence_once ON event (parent_event_id, start);
CREATE INDEX event_next_child ON event (next_child_at) WHERE next_child_at IS NOT NULL;
CREATE INDEX alarm_event ON alarm (event_id);
CREATE INDEX alarm_due ON alarm (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX call_request_open ON call_request (lease_expires) WHERE lease_token IS NOT NULL;
CREATE INDEX call_request_user ON call_request (user_id);
CREATE UNIQUE INDEX alarm_request_once ON alarm_request (alarm_id, attempt);
CREATE UNIQUE INDEX survey_answer_once ON survey_answer (callrequest_id, position);
CREATE INDEX survey_answer_survey ON survey_answer (survey_id, section_id);
"""

# The reference system ships these eight; the params are dateutil's words, parsed by a whitelist.
RULES = (
    ("Daily", "every day", "DAILY", ""),
    ("Weekly", "every week", "WEEKLY", ""),
    ("Weekly (Monday-Friday)", "every week from Monday to Friday", "WEEKLY", "byweekday:MO,TU,WE,TH,FR"),
    ("Daily (10 times)", "every day, ten times", "DAILY", "count:10"),
    ("Weekly (10 times)", "every week, ten times", "WEEKLY", "count:10"),
    (
        "Weekly (Monday-Friday, 10 times)",
        "from Monday to Friday, ten times",
        "WEEKLY",
        "byweekday:MO,TU,WE,TH,FR;count:10",
    ),
    ("Monthly", "every month", "MONTHLY", ""),
    ("Yearly", "every year", "YEARLY", ""),
)
