"""Losses of distributions: negative log-likelihoods, scores and divergences."""
