"""Reductions that are plugins: their parameters, their plan, and functions for their authors."""
