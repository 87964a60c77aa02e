"""Run compiled loops over arrays: blocks, threads and conversion."""
