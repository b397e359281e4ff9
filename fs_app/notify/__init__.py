"""Sends what is in the outbox: short messages, mails, webhooks. Senders block, and run in native threads."""
