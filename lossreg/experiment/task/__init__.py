"""What a loss requires of data and network: its task, the encoding of targets, inverse links, and the metrics."""
