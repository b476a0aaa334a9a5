"""Ray Serve: python ray_serve_app.py PORT"""

import signal
import sys

import cost
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse


@serve.deployment(num_replicas=1, max_ongoing_requests=256, ray_actor_options={"num_cpus": 0.5})
class Model:
    @serve.batch(max_batch_size=cost.BATCH_MAX, batch_wait_timeout_s=cost.WAIT_MS / 1000)
    async def predict(self, texts):
        return cost.call(texts)

    async def __call__(self, request: Request):
        return JSONResponse({"length": await self.predict((await request.json())["text"])})


if __name__ == "__main__":
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Model.bind())
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
