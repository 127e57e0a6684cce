"""Health checks, findings, OCSP probe, retention."""
