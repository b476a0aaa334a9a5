"""Sentence embeddings by all-MiniLM-L6-v2 as a Millrace worker, in numpy alone.

    deploy/fetch-minilm.sh                               # once: weights and libraries
    export PYTHONPATH=$PWD/worker/python:~/.cache/millrace/minilm/python
    millrace up --process "python3 deploy/examples/minilm.py"

A job is {"model": "minilm", "input": {"input": "a text"}}, or a list of texts. All texts of a batch
of jobs go through the model at once; its answer has the shape of OpenAI's API.
"""

from bert import Bert
from millrace_worker import Permanent, serve


def texts_of(item):
    given = item.input.get("input") if isinstance(item.input, dict) else None
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise Permanent("input must be a text or a list of texts", code="invalid_input")
    return texts


def handle(batch, context):
    texts, answers = [], []
    for item in batch:
        try:
            answers.append(texts_of(item))
            texts += answers[-1]
        except Permanent as error:
            answers.append(error)
    vectors, tokens = bert.embed(texts) if texts else ([], [])
    begin = 0
    for item, answer in zip(batch, answers):
        if isinstance(answer, Permanent):
            yield answer
            continue
        end = begin + len(answer)
        yield {"object": "list", "model": item.model,
               "data": [{"object": "embedding", "index": i, "embedding": vector.tolist()}
                        for i, vector in enumerate(vectors[begin:end])],
               "usage": {"prompt_tokens": int(tokens[begin:end].sum()), "completion_tokens": 0}}
        begin = end


bert = Bert()
serve(handle, models=["minilm"], batch_max=32, warmup=lambda context: bert.embed(["warm"]))
