"""A model whose jobs say what happens to them, for process_test.cc and process_faults_test.cc."""

import os
import signal
import sys
import threading

from millrace_worker import Busy, Permanent, Retry, serve


ODD = {"nul": "a\0b", "half": "caf\udce9", "nan": float("nan"), "bytes": b"raw", "large": 2 ** 100}


def facts(item, batch, context):
    return {"pid": os.getpid(), "slot": context.slot, "batch": len(batch),
            "device": context.device, "cuda": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "processors": sorted(os.sched_getaffinity(0)), "said": item.input.get("say"),
            "odd": ODD.get(item.input.get("give")),
            "usage": {"prompt_tokens": 3, "completion_tokens": 1}}


def wait_for_cancel(item):
    while not item.cancelled:
        threading.Event().wait(0.002)


def act(item):
    """What the job asks for on the way; an exception that is returned is the outcome."""
    do = item.input.get("do")
    if do == "pass":
        item.partial("at the gate")
        with open(item.input["gate"]) as gate:  # Until the test opens the other end.
            gate.read()
    elif do == "wait":
        item.partial("waiting")
        wait_for_cancel(item)
    elif do == "hang":
        item.partial("hanging")
        signal.pause()
    elif do == "print":
        print("to standard output")
        print("to standard error", file=sys.stderr)
        os.write(1, b"and past Python")
    elif do == "tell":
        item.progress(0.5, "half")
        item.partial("Hel")
        item.partial("lo")
    elif do == "grow":
        blocks = []
        while True:
            blocks.append(b"x" * (8 << 20))
            threading.Event().wait(0.002)
    elif do == "exit":
        os._exit(3)
    elif do == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif do == "refuse":
        return Permanent("no such voice", code="unknown_voice")
    elif do == "later":
        return Retry("try again", after=5)
    elif do == "busy":
        return Busy("no licence", after=7)
    elif do == "raise":
        raise RuntimeError("device lost")
    elif do == "raise nul":
        raise ValueError("unexpected byte \0 \udce9" + "." * 1_000_000)
    elif do == "write":
        item.partial("a\0b\udce9")
        item.partial("x" * 40_000)
    return None


def handle(batch, context):
    acts = [act(item) for item in batch]
    return [done or facts(item, batch, context) for item, done in zip(batch, acts)]


serve(handle, models=["obedient"], batch_max=8)
