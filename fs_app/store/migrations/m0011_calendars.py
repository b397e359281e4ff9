"""Calendars as files: where an event came from, private feeds, and subscriptions to calendars elsewhere."""

CHANGES = """
ALTER TABLE event ADD COLUMN ical_uid TEXT;
ALTER TABLE event ADD COLUMN ical_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN ical_alarms TEXT;
ALTER TABLE event ADD COLUMN ical_source_id INTEGER;
CREATE UNIQUE INDEX event_ical ON event (calendar_id, ical_uid) WHERE ical_uid IS NOT NULL;
CREATE TABLE calendar_feed (
    id {serial},
    calendar_id INTEGER NOT NULL UNIQUE REFERENCES calendar ON DELETE CASCADE,
    token TEXT NOT NULL UNIQUE,
    created_date {moment} NOT NULL
);
CREATE TABLE calendar_subscription (
    id {serial},
    calendar_id INTEGER NOT NULL REFERENCES calendar ON DELETE CASCADE,
    address TEXT NOT NULL,
    interval INTEGER NOT NULL,
    alarm_phonenumber TEXT NOT NULL,
    advance_notice INTEGER,
    maxretry INTEGER NOT NULL,
    retry_delay INTEGER NOT NULL,
    status INTEGER NOT NULL,
    etag TEXT NOT NULL DEFAULT '',
    last_modified TEXT NOT NULL DEFAULT '',
    content_hash TEXT NOT NULL DEFAULT '',
    failures INTEGER NOT NULL DEFAULT 0,
    last_poll {moment},
    last_error TEXT NOT NULL DEFAULT '',
    report TEXT,
    next_poll_at {moment},
    created_date {moment} NOT NULL,
    updated_date {moment} NOT NULL
);
CREATE INDEX calendar_subscription_calendar ON calendar_subscription (calendar_id);
CREATE INDEX calendar_subscription_due ON calendar_subscription (next_poll_at) WHERE next_poll_at IS NOT NULL
"""
