"""Calendars as the world knows them (iCalendar, RFC 5545): files into values, and values into files."""
