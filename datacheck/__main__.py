"""``python -m datacheck``."""

from datacheck.cli.app import main

if __name__ == "__main__":
    main()
