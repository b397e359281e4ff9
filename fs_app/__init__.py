"""fs-app: appointment reminders and phone surveys for FreeSWITCH."""

__version__ = "0.1.0"
