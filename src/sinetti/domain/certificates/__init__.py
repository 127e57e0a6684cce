"""Rules of certificates: lifecycle, enrolment, renewal, revocation, OCSP status, display status."""
