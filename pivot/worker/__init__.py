"""Inside the worker process: a pickled task in, a pickled result out. Start with `pivot.worker.main`."""
