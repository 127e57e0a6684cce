"""Scheduler, sender, SMTP, SMS and bounces."""
