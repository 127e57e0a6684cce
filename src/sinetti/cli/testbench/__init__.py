"""Commands of the test bench."""
