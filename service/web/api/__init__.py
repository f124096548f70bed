"""`/api/v1`: all that the command line can do, for programs."""
