"""`python -m tests.program CODE ARGUMENTS ...` is `python -c CODE ARGUMENTS ...`: see `tests.processes.program`."""

import sys

exec(compile(sys.argv.pop(1), "<string>", "exec"), {"__name__": "__main__"})
