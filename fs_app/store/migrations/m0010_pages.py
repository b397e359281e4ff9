"""Indexes for what people look at: a day's attempts, a span of the calendar, the calls of one survey."""

CHANGES = """
CREATE INDEX alarm_request_date ON alarm_request (status, date);
CREATE INDEX event_start ON event (start);
CREATE INDEX call_request_survey ON call_request (survey_id, call_time)
"""
