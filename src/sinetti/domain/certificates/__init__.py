"""Rules of certificates: lifecycle, enrolment, renewal, revocation and status."""
