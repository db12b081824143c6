"""The training package on the command line; `cli` adds these functions to `unveil`. Nothing heavy is imported here."""
