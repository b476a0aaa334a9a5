"""Doubles its rows; 13 makes it raise."""

import numpy
from mlserver import MLModel
from mlserver.types import InferenceResponse, ResponseOutput


class Double(MLModel):
    async def load(self):
        return True

    async def predict(self, payload):
        given = payload.inputs[0]
        x = numpy.array(given.data.root, dtype="float32").reshape(given.shape)
        if (x == 13).any():
            raise ValueError("unlucky")
        y = ResponseOutput(name="y", shape=list(x.shape), datatype="FP32",
                           data=(x * 2).flatten().tolist())
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=[y])
