"""The directories of runs: write their files, find and read runs, and delete them."""
