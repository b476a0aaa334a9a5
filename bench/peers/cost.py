"""The model that every server here runs: a call of n inputs takes BASE_MS + n * PER_ITEM_MS."""

import os
import time

BATCH_MAX = int(os.environ["BATCH_MAX"])
WAIT_MS = float(os.environ.get("WAIT_MS", "0"))  # How long a batch waits for more, where it is set.


def call(inputs):
    time.sleep((float(os.environ["BASE_MS"]) + len(inputs) * float(os.environ["PER_ITEM_MS"])) / 1000)
    return [len(text) for text in inputs]
