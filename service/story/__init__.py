"""Stories: which item is the same, a version, a copy; pure."""
