"""Plans of due messages: reminders, digests, events, operator alerts."""
