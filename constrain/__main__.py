"""`python -m constrain`: the same as the command `constrain`."""

from constrain.cli import main

if __name__ == "__main__":
    main()
