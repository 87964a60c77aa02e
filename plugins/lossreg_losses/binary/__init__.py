"""Losses of two classes: a score or a probability against a target of 0 and 1, or of 1 and -1."""
