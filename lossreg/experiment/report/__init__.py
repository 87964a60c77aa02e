"""Compare runs, and make an HTML page about them."""
