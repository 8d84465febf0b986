"""IR: how it becomes smaller."""
