"""What a call's story tells beyond its ends: when it rang, how the network said no, which sections were heard when."""

CHANGES = """
ALTER TABLE call_request ADD COLUMN ringing_at {moment};
ALTER TABLE call_request ADD COLUMN protocol_cause TEXT NOT NULL DEFAULT '';
ALTER TABLE call_request ADD COLUMN visited TEXT NOT NULL DEFAULT ''
"""
