"""The program that bench/gpu/through.py puts behind Millrace: the model of
deploy/examples/torch_lm.py, with a note of each batch in a file.

    python3 worker.py MODEL BATCH_MAX NOTES
"""

import json
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "deploy", "examples"), os.path.join(ROOT, "worker", "python")]

import torch  # noqa: E402
from millrace_worker import serve  # noqa: E402
from torch_lm import LanguageModel  # noqa: E402


def load(path):
    """A model that never ends a text by itself, so that every run makes as many tokens."""
    lm = LanguageModel(path)
    lm.model.generation_config.eos_token_id = None
    return lm


class Noted:
    """Appends a line for each batch: how many jobs, when it began and ended (unix time), and the
    bytes of the device that tensors had at most and afterwards."""

    def __init__(self, handle, notes):
        self.handle = handle
        self.notes = notes

    def __call__(self, batch, context):
        began = time.time()
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        outputs = self.handle(batch, context)
        note = {"jobs": len(batch), "began": began, "ended": time.time()}
        if torch.cuda.is_available():
            note["bytes_peak"] = torch.cuda.max_memory_allocated()
            note["bytes_after"] = torch.cuda.memory_allocated()
        with open(self.notes, "a", encoding="utf-8") as file:
            file.write(json.dumps(note) + "\n")
        return outputs


if __name__ == "__main__":
    model, batch_max, notes = sys.argv[1:]
    serve(Noted(load(model).handle, notes), models=["lm"], batch_max=int(batch_max))
