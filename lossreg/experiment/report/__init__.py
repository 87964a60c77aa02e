"""Reports on finished runs: the HTML page, and comparisons."""
