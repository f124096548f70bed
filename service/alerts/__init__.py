"""Alert policy: whom to tell, when, and why not; pure."""
