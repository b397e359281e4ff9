"""Sending: attempts that are no calls, webhooks of a manager, replies to short messages."""

# SQLite cannot drop a NOT NULL: the table is made anew. Its numbering goes on where it was.
ATTEMPTS_SQLITE = """
CREATE TABLE alarm_request_new (
    id {serial},
    alarm_id INTEGER NOT NULL REFERENCES alarm ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    callrequest_id INTEGER UNIQUE REFERENCES call_request ON DELETE CASCADE,
    outbox_id INTEGER REFERENCES outbox ON DELETE SET NULL,
    date {moment} NOT NULL,
    status INTEGER NOT NULL,
    callstatus INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    created_date {moment} NOT NULL
);
INSERT INTO alarm_request_new
    (id, alarm_id, attempt, callrequest_id, date, status, callstatus, duration, created_date)
    SELECT id, alarm_id, attempt, callrequest_id, date, status, callstatus, duration, created_date FROM alarm_request;
DELETE FROM sqlite_sequence WHERE name = 'alarm_request_new';
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'alarm_request_new', seq FROM sqlite_sequence WHERE name = 'alarm_request';
DROP TABLE alarm_request;
ALTER TABLE alarm_request_new RENAME TO alarm_request;
CREATE UNIQUE INDEX alarm_request_once ON alarm_request (alarm_id, attempt)
"""

ATTEMPTS_POSTGRES = """
ALTER TABLE alarm_request ALTER COLUMN callrequest_id DROP NOT NULL;
ALTER TABLE alarm_request ADD COLUMN outbox_id INTEGER REFERENCES outbox ON DELETE SET NULL;
ALTER TABLE alarm_request ADD COLUMN reason TEXT NOT NULL DEFAULT ''
"""

CHANGES = """
CREATE INDEX alarm_request_outbox ON alarm_request (outbox_id);
CREATE INDEX alarm_due_method ON alarm (method, due_at) WHERE due_at IS NOT NULL;
ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_due_kind ON outbox (kind, due_at) WHERE due_at IS NOT NULL;
CREATE TABLE webhook (
    id {serial},
    user_id INTEGER NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
    secret TEXT NOT NULL,
    url TEXT NOT NULL DEFAULT '',
    events TEXT NOT NULL DEFAULT '',
    status INTEGER NOT NULL DEFAULT 1,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);
CREATE TABLE sms_reply (
    id {serial},
    sms_gateway_id INTEGER NOT NULL REFERENCES sms_gateway ON DELETE CASCADE,
    message_id TEXT,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    meaning TEXT NOT NULL,
    alarm_id INTEGER REFERENCES alarm ON DELETE SET NULL,
    created_date {moment} NOT NULL
);
CREATE UNIQUE INDEX sms_reply_once ON sms_reply (sms_gateway_id, message_id);
CREATE INDEX sms_reply_alarm ON sms_reply (alarm_id);
CREATE INDEX alarm_phonenumber ON alarm (alarm_phonenumber)
"""
