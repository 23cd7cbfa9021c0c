"""peer.py CHECKPOINT TOKENS LENGTH EXAMPLES transformer_lens|hooks OUT [DEVICE]: every neuron's strongest contexts, as one would write it."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import child

try:
    import numpy as np
    import torch
    import transformers
except ImportError as error:
    child.missing(error)

checkpoint, tokens, length, examples, what, out, *device = sys.argv[1:]
device = device[0] if device else "cpu"
length, examples = int(length), int(examples)
BATCH = 8
torch.set_grad_enabled(False)
contexts = torch.from_numpy(np.fromfile(tokens, dtype=np.int32).reshape(-1, length)).long().to(device)
model = transformers.GPT2LMHeadModel.from_pretrained(checkpoint, dtype=torch.float32).to(device)
config = model.config
layers, units = config.n_layer, 4 * config.n_embd


def transformer_lens():
    try:
        from importlib.metadata import version

        from transformer_lens import HookedTransformer, HookedTransformerConfig
        from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
    except ImportError as error:
        child.missing(error)
    cfg = HookedTransformerConfig(
        n_layers=layers, d_model=config.n_embd, d_head=config.n_embd // config.n_head, n_heads=config.n_head,
        n_ctx=config.n_positions, d_vocab=config.vocab_size, act_fn="gelu_new", eps=config.layer_norm_epsilon,
        normalization_type="LN", attention_dir="causal", device=device,
    )
    hooked = HookedTransformer(cfg)
    hooked.load_state_dict(convert_gpt2_weights(model, cfg), strict=False)
    names = [f"blocks.{layer}.mlp.hook_post" for layer in range(layers)]

    def run(batch):
        _, cache = hooked.run_with_cache(batch, names_filter=names, return_type=None)
        return [cache[name] for name in names]

    return version("transformer-lens"), run


def hooks():
    found = [None] * layers
    for layer, block in enumerate(model.transformer.h):
        def keep(module, inputs, output, layer=layer):
            found[layer] = output
        block.mlp.act.register_forward_hook(keep)

    def run(batch):
        model.transformer(batch, use_cache=False)
        return found

    return transformers.__version__, run


version, forward = {"transformer_lens": transformer_lens, "hooks": hooks}[what]()


def harvest():
    best = [torch.full((0, units), 0.0, device=device) for _ in range(layers)]
    ids = [torch.zeros((0, units), dtype=torch.long, device=device) for _ in range(layers)]
    for first in range(0, len(contexts), BATCH):
        batch = contexts[first : first + BATCH]
        for layer, activations in enumerate(forward(batch)):
            peaks = activations.max(dim=1).values
            here = torch.arange(first, first + len(batch), device=device)[:, None].expand(-1, units)
            peaks, here = torch.cat([best[layer], peaks]), torch.cat([ids[layer], here])
            best[layer], order = peaks.topk(min(examples, len(peaks)), dim=0)
            ids[layer] = here.gather(0, order)
    return torch.cat(best, 1).cpu(), torch.cat(ids, 1).cpu()


def run():
    values, ids = harvest()
    values.T.contiguous().numpy().astype(np.float32).tofile(f"{out}.values")
    ids.T.contiguous().numpy().astype(np.int32).tofile(f"{out}.contexts")
    return dict(values=f"{out}.values", contexts=f"{out}.contexts")


torch.set_num_threads(len(__import__("os").sched_getaffinity(0)))
child.answer(version, run)
