"""The loops over elements and rows that a kernel is compiled into."""
