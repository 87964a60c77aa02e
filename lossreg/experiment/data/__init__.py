"""Tables of data, and how the columns of a file become one."""
