"""``python -m gonogo`` is the `gonogo` command."""

from gonogo.cli import main

if __name__ == "__main__":
    main()
