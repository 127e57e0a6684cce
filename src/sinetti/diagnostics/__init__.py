"""Diagnosis of signatures that do not verify (`sinetti explain`)."""
