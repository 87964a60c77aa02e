"""The built-in losses: one file for each, found by the same entry points as anybody's."""
