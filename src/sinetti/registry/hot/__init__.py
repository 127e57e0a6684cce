"""Hand-written statements for what every renewal does: one reading, and a statement for each of the two commits."""
