"""``python -m vela_realtime``."""

from vela_realtime.cli import main

main()
