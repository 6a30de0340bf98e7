"""Where stages run: the face is `pivot.executors.base`, the default `pivot.executors.forkserver`."""
