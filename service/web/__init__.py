"""The desk for browsers and programs: pages, an API, live updates, feeds of hits, health and metrics."""
