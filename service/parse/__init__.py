"""Parsing: bytes in, items and problems out; pure."""
