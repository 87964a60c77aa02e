"""Losses of order: which of several comes first."""
