"""Fetching: a source in, bytes or a reason out."""
