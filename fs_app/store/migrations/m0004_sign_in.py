"""Sessions of browsers."""

CHANGES = """
CREATE TABLE user_session (
    id {serial},
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    digest TEXT NOT NULL UNIQUE,
    mark TEXT NOT NULL,
    created_date {moment} NOT NULL,
    expires_date {moment} NOT NULL
);
CREATE INDEX user_session_user ON user_session (user_id);
CREATE INDEX user_session_expires ON user_session (expires_date)
"""
