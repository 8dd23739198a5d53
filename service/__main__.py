"""Entry point of `python -m service`: the command `leansieve`."""

from service.cli import main

main()
