"""Choose a loss: what a table of data shows about its target, and what the guides of plugins advise for it."""
