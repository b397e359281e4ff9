"""When to call: closed days, occurrences left out, moved or cancelled; delays by outcome; wake-up calls."""

CHANGES = """
ALTER TABLE calendar ADD COLUMN closed_weekdays TEXT;
ALTER TABLE calendar ADD COLUMN closed_dates TEXT;
ALTER TABLE event ADD COLUMN exdates TEXT;
ALTER TABLE calendar_setting ADD COLUMN retry_delays TEXT;
ALTER TABLE calendar_setting ADD COLUMN country TEXT NOT NULL DEFAULT '';
ALTER TABLE alarm ADD COLUMN retry_delays TEXT;
ALTER TABLE alarm ADD COLUMN insistent BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE alarm ADD COLUMN insistent_code TEXT NOT NULL DEFAULT '';
ALTER TABLE alarm ADD COLUMN phonenumber_escalation TEXT NOT NULL DEFAULT '';
CREATE TABLE occurrence (
    id {serial},
    event_id INTEGER NOT NULL REFERENCES event ON DELETE CASCADE,
    original_start {moment} NOT NULL,
    child_id INTEGER REFERENCES event ON DELETE SET NULL,
    cancelled BOOLEAN NOT NULL,
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);
CREATE UNIQUE INDEX occurrence_once ON occurrence (event_id, original_start);
CREATE INDEX occurrence_child ON occurrence (child_id)
"""
