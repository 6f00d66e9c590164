"""`python -m runtask` is the command `runtask`."""

from runtask.cli import main

main()
