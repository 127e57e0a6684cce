"""Path validation, end-entity certificates, trust file, verdict texts."""
