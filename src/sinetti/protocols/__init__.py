"""Machine doors: decode, act, encode. No rules."""
