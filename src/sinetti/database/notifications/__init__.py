"""Outbox, delivery state, reminders, digests, recipients and message data."""
