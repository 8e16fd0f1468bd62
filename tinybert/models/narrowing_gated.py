"""A ModernBERT layer at its student's width: one matrix for queries, keys and values, rotary positions, gated neurons.

It is normalised before each of its parts and not behind, and has no biases.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinybert.models.narrowing import best_factors

GATED = {f"{part}.weight" for part in ("attn_norm", "attn.Wqkv", "attn.Wo", "mlp_norm", "mlp.Wi", "mlp.Wo")}
"""The weights of each layer but the first, which reads the normalised embeddings and has no `attn_norm`."""


@torch.no_grad()
def prune_gated_layer(source: nn.Module, target: nn.Module, basis: Tensor, heads: int, size: float) -> None:
    """What `prune_layer` does, for ModernBERT's layers.

    Rotary positions turn the pair p of a head's dimensions by θ^(−2p/width) a token, so that what maps a query to a key
    is another matrix at each distance, and has no one decomposition: of the head's pairs those stay whole that turn
    nearest to as fast as the student's. A neuron has two inputs, what it computes and its gate. Weights of the
    normalisations go into the matrices that read what they give, so that what matters is told by both.

    Args:
        basis, heads: as there.
        size: root mean square of the embeddings' normalised states, which a first layer reads as they are.
    """
    basis = basis.double()
    of_source, of_target = (dict(layer.named_parameters()) for layer in (source, target))

    def reading(part: str, norm: str) -> Tensor:
        weight, gain = of_source[f"{part}.weight"].double(), of_source.get(f"{norm}.weight")
        if gain is not None:
            weight = weight * gain.double() / (1 if f"{norm}.weight" in of_target else size)
        return weight @ basis

    def write(part: str, weight: Tensor) -> None:
        of_target[f"{part}.weight"].copy_(weight)

    query, key, value = reading("attn.Wqkv", "attn_norm").unflatten(0, (3, heads, -1))
    width, of = len(of_target["attn.Wqkv.weight"]) // 3 // heads, query.shape[1]
    pairs = (torch.arange(width // 2) * of / width).round().long()
    turned = torch.cat([pairs, pairs + of // 2])  # a pair's second half is half a head away
    scale = (width / of) ** 0.25  # both models divide their scores by √width, each by its own
    writes = (basis.T @ of_source["attn.Wo.weight"].double()).unflatten(1, (heads, -1)).movedim(1, 0)
    outputs, values = best_factors(writes @ value, width)
    write("attn.Wqkv", torch.stack([scale * query[:, turned], scale * key[:, turned], values]).flatten(0, 2))
    write("attn.Wo", outputs.movedim(0, 1).flatten(1))

    reads, writes = reading("mlp.Wi", "mlp_norm").unflatten(0, (2, -1)), basis.T @ of_source["mlp.Wo.weight"].double()
    neurons = reads.norm(dim=2).prod(0) * writes.norm(dim=0)
    kept = neurons.topk(of_target["mlp.Wo.weight"].shape[1]).indices.sort().values
    write("mlp.Wi", reads[:, kept].flatten(0, 1))
    write("mlp.Wo", writes[:, kept])
