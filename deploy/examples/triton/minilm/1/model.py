"""Sentence embeddings by all-MiniLM-L6-v2 as a model of NVIDIA Triton: see ../../../bert.py."""

import os
import pathlib
import sys

import numpy
import triton_python_backend_utils as triton

CACHE = os.environ.get("MILLRACE_CACHE") or pathlib.Path.home() / ".cache/millrace"
# For tokenizers. Appended at the end, so that numpy stays Triton's own: its models need a version
# before 2.
sys.path.append(str(pathlib.Path(CACHE) / "minilm/python"))

from bert import Bert


class TritonPythonModel:
    def initialize(self, args):
        self.bert = Bert()

    def execute(self, requests):
        """Each request is a batch already, made by the worker."""
        answers = []
        for request in requests:
            texts = triton.get_input_tensor_by_name(request, "text").as_numpy()[:, 0]
            vectors, _ = self.bert.embed([text.decode() for text in texts])
            embedding = triton.Tensor("embedding", vectors.astype(numpy.float32))
            answers.append(triton.InferenceResponse([embedding]))
        return answers
