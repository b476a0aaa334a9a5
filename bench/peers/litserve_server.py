"""LitServe: python litserve_server.py PORT"""

import sys

import cost
import litserve


class Model(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["text"]

    def batch(self, inputs):
        return inputs

    def predict(self, inputs):
        return cost.call(inputs)

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return {"length": output}


if __name__ == "__main__":
    api = Model(max_batch_size=cost.BATCH_MAX, batch_timeout=cost.WAIT_MS / 1000)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, track_requests=False)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False,
               log_level="warning")
