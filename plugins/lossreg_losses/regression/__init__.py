"""Losses of numbers: how far a prediction is from its target."""
