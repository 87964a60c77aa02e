"""What pytest leaves alone unless it is asked for by name: golden and live need PyTorch, browser needs Chromium."""

collect_ignore = ["browser", "golden", "live"]
