"""The logits of a Llama in GGUF by transformers in float64, on the values that the gguf package dequantises.

    python smollm2.py MODEL.gguf TEXT.txt OUT.safetensors     # transformers, torch, gguf, safetensors
"""

import sys

import gguf
import numpy as np
import torch
from gguf.quants import dequantize
from safetensors.numpy import save_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

path, text_path, out = sys.argv[1:]
reader = gguf.GGUFReader(path)
key = lambda name: reader.fields[f"llama.{name}"].contents()
names = {t.name: t for t in reader.tensors}
heads, kv_heads = key("attention.head_count"), key("attention.head_count_kv")
config = LlamaConfig(
    vocab_size=int(names["token_embd.weight"].shape[1]),
    hidden_size=key("embedding_length"),
    num_hidden_layers=key("block_count"),
    num_attention_heads=heads,
    num_key_value_heads=kv_heads,
    intermediate_size=key("feed_forward_length"),
    max_position_embeddings=key("context_length"),
    rms_norm_eps=float(f"{key('attention.layer_norm_rms_epsilon'):.6g}"),
    rope_parameters={"rope_type": "default", "rope_theta": key("rope.freq_base")},
    tie_word_embeddings="output.weight" not in names,
)
model = LlamaForCausalLM(config).eval()
mapping = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
state = model.state_dict()
for name in state:
    if name == "lm_head.weight" and config.tie_word_embeddings:
        continue
    tensor = names[mapping.get_name(name, try_suffixes=(".weight",))]
    values = dequantize(tensor.data, tensor.tensor_type).reshape(state[name].shape)
    for part, count in ((".attn_q.", heads), (".attn_k.", kv_heads)):
        if part in tensor.name:
            values = values.reshape(count, -1, 2, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
    state[name].copy_(torch.from_numpy(np.array(values)))


def exact_rotary(x, position_ids):
    """cos and sin in float64: transformers computes them in float32 whatever the model's type is."""
    dim = config.head_dim
    frequencies = config.rope_parameters["rope_theta"] ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angles = position_ids[:, :, None].double() * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


folder, file = path.rsplit("/", 1)
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
ids = tokenizer(open(text_path).read(), add_special_tokens=False).input_ids
tokens = torch.tensor([ids[:96]])
with torch.no_grad():
    single = model(tokens).logits[0]
    model.double().model.rotary_emb.forward = exact_rotary
    double = model(tokens).logits[0]
save_file(
    {
        "ids": np.array(ids, dtype=np.int64),
        "logits": double.float().numpy(),
        "single": single.numpy(),
    },
    out,
)
