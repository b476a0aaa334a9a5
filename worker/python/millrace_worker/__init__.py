"""Runs Millrace jobs in Python: a function that takes a batch and returns an output for each job.

    from millrace_worker import serve

    def shout(batch, context):
        return [{"text": item.input["prompt"].upper()} for item in batch]

    serve(shout, models=["shout"], batch_max=32)

`millrace up --process "python3 FILE.py"` runs it; docs/backends.md says more.
"""

from .errors import Busy, Permanent, Retry
from .item import Item
from .runtime import Context, serve

__all__ = ["Busy", "Context", "Item", "Permanent", "Retry", "serve"]
