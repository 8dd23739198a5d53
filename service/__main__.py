"""`python -m service` is the command `leansieve`."""

from service.cli import main

main()
