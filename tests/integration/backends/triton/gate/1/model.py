"""Waits until somebody writes into the named pipe, and gives back what was written."""

import numpy
import triton_python_backend_utils as triton


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            pipe = triton.get_input_tensor_by_name(request, "pipe").as_numpy()[0][0]
            with open(pipe, "rb") as opened:
                said = numpy.array([[opened.read()]], dtype=object)
            answers.append(triton.InferenceResponse([triton.Tensor("said", said)]))
        return answers
