"""`python -m sigverify.cli`."""

from sigverify.cli.entry import main

if __name__ == "__main__":
    main()
