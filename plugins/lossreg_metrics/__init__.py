"""The built-in metrics; each is a number of the targets and predictions of a split."""
