"""Losses of preference: log-probabilities of a chosen and of a rejected answer."""
