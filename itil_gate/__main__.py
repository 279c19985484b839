"""Run the command line as `python -I -m itil_gate`, which no file of a checkout can shadow."""

from itil_gate.cli import main

main()
