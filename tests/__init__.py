"""Tests: behaviour through the public door, against real servers on loopback."""
