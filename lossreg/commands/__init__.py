"""The commands, a module each: `add` adds its parser, `run` does the work.

A command imports what it needs when it runs: `lossreg --help` makes every parser and has to answer at once.
"""
