"""Calls from outside that nobody has booked: found by an index of their own. They have an end, but no lease token."""

CHANGES = """
CREATE INDEX call_request_from_outside ON call_request (lease_expires)
    WHERE lease_token IS NULL AND lease_expires IS NOT NULL
"""
