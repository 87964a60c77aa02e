"""Losses of boxes: how far a box is from the true one."""
