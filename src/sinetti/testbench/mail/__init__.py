"""Mailbox and message dispatcher of the test bench."""
