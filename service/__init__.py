"""The wire monitor: polls wires, knows stories, matches rules, tells people."""

__version__ = "0.1.0"
