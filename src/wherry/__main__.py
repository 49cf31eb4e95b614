"""``python -m wherry``: the same command line as the ``wherry`` script."""

from wherry.cli.main import main

if __name__ == "__main__":
    main()
