"""The store: the schedule, the queue and the archive, on SQLite or PostgreSQL."""
