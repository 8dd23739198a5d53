"""Imported first by the process from which stages of training are forked, and nowhere else: an interrupt while it
imports the others ends it at once, without a traceback.
"""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)
