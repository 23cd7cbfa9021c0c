"""peer.py FOLDER D LATENTS BATCH L1 RATE GAMMA plain|dense|gathered|sae_lens: a training step of a ReLU SAE.

plain     dense PyTorch: forward, backward by autograd, torch.optim.Adam (fused)
dense     with L_N as dense products over all tokens and latents
gathered  with L_N over gathered active pairs
sae_lens  SAELens's StandardTrainingSAE in the step of its SAETrainer, with its optimiser

The first three are written to be fast: weights as nn.Linear has them, b_dec folded into the encoder's bias (so that
autograd needs no product for the input's gradient), sparsity as a matrix-vector product; of several spellings of L_N of
each kind the fastest that was found.
"""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import child

try:
    import numpy as np
    import torch
    from torch.nn.functional import linear
except ImportError as error:
    child.missing(error)

folder, d, latents, n, l1, lr, gamma, kind = sys.argv[1:]
d, latents, n = int(d), int(latents), int(n)
l1, lr, gamma = float(l1), float(lr), float(gamma)
torch.set_num_threads(len(os.sched_getaffinity(0)))


def read(name, *shape):
    return torch.from_numpy(np.fromfile(f"{folder}/{name}", dtype=np.float32).reshape(shape))


class Sae:
    def __init__(self):
        self.encoder = read("W_enc", d, latents).T.contiguous().requires_grad_()  # [latents, d]
        self.decoder = read("W_dec", latents, d).requires_grad_()
        self.b_enc = read("b_enc", latents).requires_grad_()
        self.b_dec = read("b_dec", d).requires_grad_()
        parameters = [self.encoder, self.decoder, self.b_enc, self.b_dec]
        self.adam = torch.optim.Adam(parameters, lr=lr, fused=True)
        self.seen = torch.zeros(latents)
        self.mean = None

    def embedding_dense(self, x, z):
        counted = (z.detach() > 0) & (self.seen > 0)
        h, hbar = x - self.b_dec.detach(), self.mean - self.b_dec.detach()
        w2 = self.encoder.square()
        product = h @ (hbar * w2).T
        root_b = torch.rsqrt((h.square() @ w2.T).clamp_min(1e-30))
        root_a = torch.rsqrt((hbar.square() * w2).sum(1).clamp_min(1e-30))
        return (counted.sum() - (product * root_b * counted).sum(0) @ root_a) / n

    def embedding_gathered(self, x, z):
        tokens, units = self.active(z)
        counted = self.seen[units] > 0
        tokens, units = tokens[counted], units[counted]
        hbar = self.mean - self.b_dec.detach()
        h = (x - self.b_dec.detach())[tokens]
        w2 = self.encoder.square()
        weighed = hbar * w2
        product = (h * weighed.index_select(0, units)).sum(1)
        b = (h.square() * w2.index_select(0, units)).sum(1)
        a = (weighed * hbar).sum(1)[units]
        return (1 - product * torch.rsqrt((a * b).clamp_min(1e-30))).sum() / n

    def active(self, z):
        return (z.detach() > 0).nonzero(as_tuple=True)

    @torch.no_grad()
    def update_mean(self, kind, x, z):
        if kind == "dense":
            on = (z > 0).float()
            sums, counts = on.T @ x, on.sum(0)
        else:
            tokens, units = self.active(z)
            sums = torch.zeros(latents, d).index_add_(0, units, x[tokens])
            counts = torch.bincount(units, minlength=latents).float()
        total = self.seen + counts
        self.mean += (sums - counts[:, None] * self.mean) / total.clamp_min(1)[:, None]
        self.seen = total

    def step(self, kind, x):
        pre = linear(x, self.encoder, self.b_enc - self.encoder @ self.b_dec)
        z = pre.relu()
        error = torch.addmm(self.b_dec, z, self.decoder) - x
        mse = error.pow(2).sum() / n
        sparsity = (z @ self.decoder.norm(dim=1)).sum() / n
        loss = mse + l1 * sparsity
        embedding = torch.zeros(())
        if kind != "plain":
            if self.mean is None:
                self.mean = torch.zeros(latents, d)
            embedding = self.embedding_dense(x, z) if kind == "dense" else self.embedding_gathered(x, z)
            loss = loss + gamma * embedding
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        if kind != "plain":
            self.update_mean(kind, x, z)
        return dict(mse=mse.item(), sparsity=sparsity.item(), embedding=embedding.item(), z=z)


def sae_lens():
    try:
        from importlib.metadata import version

        from sae_lens import StandardTrainingSAE, StandardTrainingSAEConfig
        from sae_lens.saes.sae import TrainStepInput
    except ImportError as error:
        child.missing(error)
    sae = StandardTrainingSAE(
        StandardTrainingSAEConfig(d_in=d, d_sae=latents, l1_coefficient=l1, apply_b_dec_to_input=True)
    )
    with torch.no_grad():
        sae.W_enc.copy_(read("W_enc", d, latents))
        sae.W_dec.copy_(read("W_dec", latents, d))
        sae.b_enc.copy_(read("b_enc", latents))
        sae.b_dec.copy_(read("b_dec", d))
    adam = torch.optim.Adam(sae.parameters(), lr=lr)
    state = dict(since=torch.zeros(latents), frequency=torch.zeros(latents))

    def step(x):
        out = sae.training_forward_pass(
            step_input=TrainStepInput(
                sae_in=x, dead_neuron_mask=None, coefficients=dict(l1=l1), n_training_steps=1, is_logging_step=False
            )
        )
        with torch.no_grad():
            firing = out.feature_acts.bool().float()
            fired = firing.sum(-2).bool()
            state["since"] += 1
            state["since"][fired] = 0
            state["frequency"] += firing.sum(0)
        out.loss.backward()
        torch.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        adam.step()
        adam.zero_grad()
        losses = out.losses
        return dict(
            mse=losses["mse_loss"].item(), sparsity=losses["l1_loss"].item() / l1, embedding=0, z=out.feature_acts
        )

    return version("sae-lens"), step


def pytorch():
    sae = Sae()
    return torch.__version__, lambda x: sae.step(kind, x)


version, step = sae_lens() if kind == "sae_lens" else pytorch()
x = read("batch", n, d)


def run():
    seen = step(x)
    seen["l0"] = (seen.pop("z").detach() > 0).sum().item() / n
    return seen


child.answer(version, run)
