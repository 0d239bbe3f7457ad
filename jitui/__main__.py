"""python -m jitui."""

import sys

from jitui.cli import main

if __name__ == "__main__":
    sys.exit(main())
