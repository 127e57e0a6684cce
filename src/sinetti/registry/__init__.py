"""The only room that speaks SQL. Takes and returns frozen domain values, never model instances."""
