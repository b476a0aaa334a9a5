#!/usr/bin/env python3
"""Programs that batch, beside Millrace: the same model of known cost, the same clients, one run.

    bench/peers/run.py [--bin build/bin] [--runs 5] [--seconds 4] [--only NAME...] [--curve N...]

Fetches LitServe, BentoML and Ray Serve from the Python package index into
${MILLRACE_CACHE:-~/.cache/millrace}/peers; Triton is deploy/fetch-triton.sh's. Each gets the settings
that served it best on the four curves. Prints a table; every share is of the oracle that was measured
in the same minute.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("MILLRACE_CACHE", pathlib.Path.home() / ".cache/millrace"))
START_SECONDS = 90
TEXT = "x" * 100
# The curves of batching_bench: base ms, ms per item, largest batch.
CURVES = [(20, 0, 32), (0, 5, 32), (10, 1, 32), (180, 0, 8)]

TRITON_CONFIG = """
backend: "python"
max_batch_size: {batch_max}
input [{{ name: "text", data_type: TYPE_UINT8, dims: [100] }}]
output [{{ name: "length", data_type: TYPE_INT32, dims: [1] }}]
instance_group [{{ count: 1, kind: KIND_CPU }}]
dynamic_batching {{}}
"""


def python_with(name, *requirements):
    """The interpreter, with the peer's packages on its path, which are fetched when not there."""
    folder = CACHE / "peers" / name
    if not (folder / "ok").exists():
        print(f"peers: installing {' '.join(requirements)} into {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                        "--root-user-action", "ignore", "--no-warn-conflicts", "--target", folder,
                        *requirements], check=True)
        (folder / "ok").touch()
    os.environ["PYTHONPATH"] = str(folder)
    return sys.executable


def litserve(port, _):
    return [python_with("litserve", "litserve==0.2.19"), HERE / "litserve_server.py", str(port)]


def bentoml(port, _):
    python = python_with("bentoml", "bentoml==1.4.40")
    return [python, "-m", "bentoml", "serve", "bentoml_service:Model", "--host", "127.0.0.1",
            "--port", str(port), "--working-dir", HERE]


def ray(port, _):
    return [python_with("ray", "ray[serve]==2.60.0"), HERE / "ray_serve_app.py", str(port)]


def triton(port, folder):
    version = folder / "model" / "1"
    version.mkdir(parents=True)
    shutil.copyfile(HERE / "triton_model.py", version / "model.py")
    shutil.copyfile(HERE / "cost.py", version / "cost.py")
    (folder / "model" / "config.pbtxt").write_text(
        TRITON_CONFIG.format(batch_max=os.environ["BATCH_MAX"]))
    return [CACHE / "triton/tritonserver", f"--model-repository={folder}", f"--http-port={port}",
            "--http-address=127.0.0.1", "--allow-grpc=false", "--allow-metrics=false"]


# Name: its command, how many ms it waits for more calls, the path and the body of a call.
PEERS = {
    "Triton 2.51": (triton, 0, "/v2/models/model/infer",
                    '{"inputs":[{"name":"text","datatype":"UINT8","shape":[1,100],"data":['
                    + ",".join(["120"] * 100) + "]}]}"),
    "LitServe 0.2.19": (litserve, 20, "/predict", f'{{"text":"{TEXT}"}}'),
    "BentoML 1.4.40": (bentoml, 0, "/predict", f'{{"texts":["{TEXT}"]}}'),
    "Ray Serve 2.60": (ray, 20, "/", f'{{"text":"{TEXT}"}}'),
}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_until_it_answers(server, port, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body.encode(),
                                     {"Content-Type": "application/json"})
    limit = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(request, timeout=10).read()
        if server.poll() is not None or time.monotonic() > limit:
            raise RuntimeError("it did not start")
        time.sleep(0.1)


@contextlib.contextmanager
def running(peer):
    command, wait_ms, path, body = PEERS[peer]
    port = free_port()
    os.environ["WAIT_MS"] = str(wait_ms)
    with tempfile.TemporaryDirectory(prefix="millrace-peer-") as folder, \
            open(pathlib.Path(folder) / "log", "w+b") as log:
        repository = pathlib.Path(folder) / "models"
        # A session of its own, so that its children end with it.
        server = subprocess.Popen(command(port, repository), cwd=HERE, stdout=log, stderr=log,
                                  start_new_session=True)
        try:
            wait_until_it_answers(server, port, path, body)
            yield ["--over", "peer", "--port", str(port), "--path", path, "--body", body]
        except Exception:
            log.seek(0)
            sys.stderr.buffer.write(log.read()[-2000:])
            raise
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(15)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def rows(bench, arguments):
    """The table's rows, without its head."""
    run = subprocess.run([bench, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return run.stdout.splitlines()[2:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/bin", type=pathlib.Path)
    parser.add_argument("--runs", default=5, type=int)
    parser.add_argument("--seconds", default=4, type=int)
    parser.add_argument("--only", nargs="+", default=["Millrace", *PEERS])
    parser.add_argument("--curve", nargs="+", default=[0, 1, 2, 3], type=int)
    options = parser.parse_args()
    bench = options.bin.resolve() / "batching_bench"
    os.environ.setdefault("MILLRACE_BIN", str(options.bin.resolve()))
    common = ["--runs", str(options.runs), "--seconds", str(options.seconds)]

    print("| server | model | oracle, jobs/s | of the oracle | all runs | lone job: direct, ms | "
          "added in the worker | after a burst | whole call |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for curve in options.curve:
        base, per_item, batch_max = CURVES[curve]
        os.environ.update(BASE_MS=str(base), PER_ITEM_MS=str(per_item), BATCH_MAX=str(batch_max))
        for name in options.only:
            chosen = [*common, "--curve", str(curve)]
            if name == "Millrace":
                row = rows(bench, [*chosen, "--over", "kafka"])[0]
            else:
                with running(name) as peer:
                    row = rows(bench, [*chosen, *peer])[0]
            print(f"| {name} {row}", flush=True)


if __name__ == "__main__":
    main()
