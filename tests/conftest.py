"""What pytest leaves alone: tests/golden needs PyTorch, and so does tests/live, unless it is asked for by name."""

collect_ignore = ["golden", "live"]
