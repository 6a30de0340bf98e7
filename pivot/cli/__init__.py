"""The command line: words in, words out. What the words do lives in `pivot.project`."""
