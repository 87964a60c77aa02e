"""The sub-commands of `lossreg`, one module each: `add` adds its parser, and `run` does the work.

A command imports what it needs only when it runs, because `lossreg --help` makes every parser and has to be quick. Any
other command line makes the parser of its command only.
"""
