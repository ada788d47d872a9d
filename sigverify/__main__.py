"""`python -m sigverify`: the command, where no script of that name is on the path."""

from sigverify.cli.entry import main

if __name__ == "__main__":
    main()
