"""Losses of segmentations: probabilities or scores of pixels against the true regions."""
