"""Commands of operators (`sinetti authority`)."""
