"""Creates that may be repeated."""

CHANGES = """
CREATE TABLE idempotency_key (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    body TEXT NOT NULL DEFAULT '',
    location TEXT NOT NULL DEFAULT '',
    created_date {moment} NOT NULL
);
CREATE UNIQUE INDEX idempotency_key_once ON idempotency_key (user_id, key);
CREATE INDEX idempotency_key_created ON idempotency_key (created_date)
"""
