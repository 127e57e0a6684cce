"""Ceremonies with offline keys: plans, sets that are carried, shares, transcripts."""
