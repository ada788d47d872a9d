"""`python -m sigverify.cli`."""

from sigverify.cli.app import main

if __name__ == "__main__":
    main()
