"""Commands of a relying party: one small file for each, none of which needs an extra."""
