"""Actions of clerks; each checks the second factor and logs the access first."""
