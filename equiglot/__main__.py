"""`python -m equiglot`."""

from equiglot.cli import main

if __name__ == "__main__":
    main()
