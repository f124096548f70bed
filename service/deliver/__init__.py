"""Delivery: a message in, an outcome out."""
