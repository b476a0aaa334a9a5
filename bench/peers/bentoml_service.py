"""BentoML: bentoml serve bentoml_service:Model --port PORT"""

import bentoml
import cost


@bentoml.service(workers=1, traffic={"timeout": 60})
class Model:
    @bentoml.api(batchable=True, max_batch_size=cost.BATCH_MAX, max_latency_ms=10_000)
    def predict(self, texts: list[str]) -> list[int]:
        return cost.call(texts)
