"""Rules of messages: kinds, reminder schedule, digests, bounces, opt-out."""
