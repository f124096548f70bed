"""Rules: a query in, evidence out; pure."""
