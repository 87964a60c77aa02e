"""Losses of several classes: a row of scores against the true class."""
