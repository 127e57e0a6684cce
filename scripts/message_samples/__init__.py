"""What scripts/messages.py makes the samples of messages with."""
