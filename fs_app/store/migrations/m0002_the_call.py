"""What every section type, several languages, detection and the outbox need."""

CHANGES = """
ALTER TABLE section_template ADD COLUMN translations TEXT NOT NULL DEFAULT '{{}}';
ALTER TABLE section_template ADD COLUMN record_seconds INTEGER NOT NULL DEFAULT 60;
ALTER TABLE section_template ADD COLUMN record_silence INTEGER NOT NULL DEFAULT 3;
ALTER TABLE survey_answer ADD COLUMN recording_id TEXT REFERENCES audio_blob ON DELETE RESTRICT;
ALTER TABLE survey_answer ADD COLUMN recording_seconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calendar_setting ADD COLUMN amd_parameters TEXT;
ALTER TABLE call_request ADD COLUMN amd_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE call_request ADD COLUMN amd_ms INTEGER;
ALTER TABLE call_request ADD COLUMN message_left BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE outbox (
    id {serial},
    kind TEXT NOT NULL,
    idempotency_key TEXT NOT NULL UNIQUE,
    destination TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at {moment},
    expires_at {moment} NOT NULL,
    lease_token TEXT,
    lease_expires {moment},
    reference TEXT NOT NULL,
    reason TEXT NOT NULL,
    alarm_id INTEGER REFERENCES alarm ON DELETE SET NULL,
    callrequest_id INTEGER REFERENCES call_request ON DELETE SET NULL,
    user_id INTEGER REFERENCES users ON DELETE CASCADE,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_alarm ON outbox (alarm_id);
CREATE INDEX outbox_callrequest ON outbox (callrequest_id);
CREATE INDEX outbox_user ON outbox (user_id);
CREATE INDEX survey_answer_recording ON survey_answer (recording_id)
"""
