"""Which gateway a short message left by, and what that reported; looked up when a report or a reply comes."""

CHANGES = """
ALTER TABLE outbox ADD COLUMN sms_gateway_id INTEGER REFERENCES sms_gateway ON DELETE SET NULL;
ALTER TABLE outbox ADD COLUMN report TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_reference ON outbox (sms_gateway_id, reference) WHERE sms_gateway_id IS NOT NULL;
CREATE INDEX outbox_destination ON outbox (sms_gateway_id, destination) WHERE sms_gateway_id IS NOT NULL
"""
