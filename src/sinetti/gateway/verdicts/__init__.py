"""The verdict type and its builder."""
