"""Text and layout of every message."""
