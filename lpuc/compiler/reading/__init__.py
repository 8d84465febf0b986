"""What users write: pipelines, and IR as text with what they expect to be said of it."""
