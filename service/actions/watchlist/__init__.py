"""The watchlist as one file that lives in git: read, written, compared with what is there, applied."""
