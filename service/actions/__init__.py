"""What a person may do, for the command line, the API and the page alike: each takes the `App`."""
