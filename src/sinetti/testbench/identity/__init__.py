"""Mock OpenID provider of the test bench."""
