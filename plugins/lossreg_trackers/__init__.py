"""The trackers that come with lossreg, a file each."""
