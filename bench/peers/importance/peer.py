"""peer.py CHECKPOINT PASSAGES LAYER UNIT MASK: masks each token in turn, stops the model at the layer."""
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import child

try:
    import torch
    import transformers
except ImportError as error:
    child.missing(error)

checkpoint, file, layer, unit, mask = sys.argv[1:]
layer, unit, mask = int(layer), int(unit), int(mask)
BATCH = 16
torch.set_grad_enabled(False)
torch.set_num_threads(len(os.sched_getaffinity(0)))
model = transformers.GPT2LMHeadModel.from_pretrained(checkpoint, dtype=torch.float32).transformer
passages = [torch.tensor(tokens) for tokens in json.loads(Path(file).read_text())]


class Found(Exception):
    pass


def stop(module, inputs, output):
    raise Found(output[:, -1, unit])


model.h[layer].mlp.act.register_forward_hook(stop)


def activations(rows):
    found = []
    for batch in rows.split(BATCH):
        try:
            model(batch, use_cache=False)
        except Found as reached:
            found.append(reached.args[0])
    return torch.cat(found)


def run():
    drops = []
    for tokens in passages:
        rows = tokens.repeat(len(tokens) + 1, 1)
        rows[torch.arange(len(tokens)) + 1, torch.arange(len(tokens))] = mask
        measured = activations(rows)
        drops += (measured[0] - measured[1:]).tolist()
    return dict(drops=drops)


child.answer(transformers.__version__, run)
