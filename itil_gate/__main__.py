"""Run the command line as `python -m itil_gate`; better as `python -I -m itil_gate`.

Without `-I` Python looks into the current directory first, and a checkout that holds a `click.py`
would answer in our place: the directory is taken off the search path before anything is imported.
What Python finds before this file runs, a planted `itil_gate` or `types.py`, is out of its reach:
only `-I`, or the installed command, keeps that out.
"""

import sys

if not sys.flags.safe_path:
    del sys.path[0]

from itil_gate.cli import main

main()
