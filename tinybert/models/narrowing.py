"""A teacher's weights at its student's width: embeddings projected, layers cut to what carries most of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from tinybert.errors import UserError
from tinybert.models.signals import Projections

WIDENINGS = ("embeddings_project", "encoder.embedding_hidden_mapping_in", "embeddings.embed_proj")
"""ELECTRA's, ALBERT's and DeBERTa's map from the width of the embeddings to that of the layers."""

NORMALISATIONS = ("embeddings.LayerNorm", "embeddings.norm", "encoder.LayerNorm", "final_norm")
"""Those outside of layers: of embeddings, of DeBERTa's distances, and ModernBERT's behind its last layer."""

PARTS = ("query", "key", "value", "attention output", "attention norm", "inner", "outer", "norm")
"""What a layer of BERT's kind is made of: attention, then a feed-forward part, each normalised behind its residual."""
LAYOUTS = tuple(
    dict(zip(PARTS, names.split(), strict=True))
    for names in (
        "attention.self.query attention.self.key attention.self.value attention.output.dense"
        " attention.output.LayerNorm intermediate.dense output.dense output.LayerNorm",
        "attention.attn.q attention.attn.k attention.attn.v attention.attn.o"
        " attention.LayerNorm intermediate.dense output.dense output.LayerNorm",
        "attention.q_lin attention.k_lin attention.v_lin attention.out_lin"
        " sa_layer_norm ffn.lin1 ffn.lin2 output_layer_norm",
        "attention.self.query_proj attention.self.key_proj attention.self.value_proj attention.output.dense"
        " attention.output.LayerNorm intermediate.dense output.dense output.LayerNorm",
    )
)
"""How BERT (RoBERTa, XLM-R, ELECTRA), MPNet, DistilBERT and DeBERTa-v3 call these parts.

DeBERTa's scores have further terms, of a token and a distance. In v3, unlike in v1 and most of v2, these go through the
same two matrices, so that cutting the distances' embeddings as the states are cut keeps the terms with the rest.
"""
DISTANCES = "encoder.relative_attention_bias"
"""MPNet's: what each head adds to the scores of two tokens by their distance, the same in all layers."""
DISTANCE_EMBEDDINGS = "encoder.rel_embeddings"
"""DeBERTa's, which its layers read as they do states."""


def layout_of(layer: nn.Module) -> dict[str, str] | None:
    """The names of a layer's parts, if `prune_layer` knows it: they have all its weights, each with a bias."""
    names = {name for name, _ in layer.named_parameters()}
    return next(
        (each for each in LAYOUTS if names == {f"{part}.{of}" for part in each.values() for of in ("weight", "bias")}),
        None,
    )


def strongest_dimensions(embeddings: Tensor, count: int) -> Tensor:
    """The dimensions of (words, width) embeddings with the largest sums of squares, as (width, count) unit vectors.

    Unlike the directions of a singular value decomposition they leave layer normalisation what it is: it scales each
    dimension by itself.
    """
    kept = embeddings.double().square().sum(0).topk(count).indices.sort().values
    return torch.eye(embeddings.shape[1], device=embeddings.device)[:, kept].contiguous()


@torch.no_grad()
def prune_layer(source: nn.Module, target: nn.Module, basis: Tensor, heads: int) -> None:
    """Make a student's layer compute what its teacher's does, as far as its width allows; at equal widths the same.

    With B the `basis`, a state x of the teacher is Bᵀx in the student. In each head the attention scores are a bilinear
    form, xᵀ(W_qᵀW_k)y, and what a token receives is W_o·W_v·x: both are matrices whose rank is the head's width, and
    the student's narrower head gets the best ones of its rank, the truncated singular value decompositions (Eckart and
    Young). Of the feed-forward neurons those stay that have the largest product of the norms of what they read and what
    they write.

    Args:
        basis: unit vectors as columns, (teacher width, student width); see `strongest_dimensions`.
        heads: of both.
    """
    basis, layout = basis.double(), layout_of(source)
    assert layout is not None

    def read(part: str) -> list[Tensor]:
        return [source.get_parameter(f"{layout[part]}.{name}").double() for name in ("weight", "bias")]

    def write(part: str, weight: Tensor, bias: Tensor) -> None:
        target.get_parameter(f"{layout[part]}.weight").copy_(weight)
        target.get_parameter(f"{layout[part]}.bias").copy_(bias)

    width = len(target.get_parameter(f"{layout['query']}.bias")) // heads
    # The scores' biases are what a constant 1, appended to a state, is multiplied with.
    query, key = (
        torch.cat([weight @ basis, bias[:, None]], 1).unflatten(0, (heads, -1))
        for weight, bias in map(read, ("query", "key"))
    )
    queries, keys = best_factors(query.mT @ key, width)
    scale = (width / query.shape[1]) ** 0.25  # both models divide their scores by √width, each by its own
    for part, rows in (("query", queries.mT), ("key", keys)):
        rows = scale * rows.flatten(0, 1)
        write(part, rows[:, :-1], rows[:, -1])

    # What attention weighs sums to 1, so that the values' bias passes through it unchanged, into the output's.
    (value, value_bias), (output, output_bias) = read("value"), read("attention output")
    reads = (value @ basis).unflatten(0, (heads, -1))
    writes = (basis.T @ output).unflatten(1, (heads, -1)).movedim(1, 0)
    outputs, values = best_factors(writes @ reads, width)
    write("value", values.flatten(0, 1), torch.zeros(heads * width))
    write("attention output", outputs.movedim(0, 1).flatten(1), basis.T @ (output_bias + output @ value_bias))

    (reads, bias), (writes, output_bias) = read("inner"), read("outer")
    reads, writes = reads @ basis, basis.T @ writes
    neurons = reads.norm(dim=1) * writes.norm(dim=0)
    kept = neurons.topk(len(target.get_parameter(f"{layout['inner']}.bias"))).indices.sort().values
    write("inner", reads[kept], bias[kept])
    write("outer", writes[:, kept], basis.T @ output_bias)

    for part in (layout["attention norm"], layout["norm"]):
        prune_normalisation(source.get_submodule(part), target.get_submodule(part), basis)


@torch.no_grad()
def prune_normalisation(source: nn.Module, target: nn.Module, basis: Tensor) -> None:
    """Take over the kept dimensions of a layer normalisation."""
    for name, of_source in source.named_parameters():
        target.get_parameter(name).copy_(basis.T.double() @ of_source.double())


def best_factors(matrices: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The factors (…, n, rank) and (…, rank, m) of the best approximations of matrices (…, n, m), equally large."""
    left, sizes, right = torch.linalg.svd(matrices, full_matrices=False)
    signs = _signs(right)[..., :rank, :]
    root = sizes[..., :rank].sqrt()
    return left[..., :rank] * (root[..., None, :] * signs.mT), right[..., :rank, :] * (root[..., None] * signs)


def _signs(rows: Tensor) -> Tensor:
    """±1 (…, rows, 1) with which each row's largest entry, the first of equals, is positive.

    A singular vector's sign is free, and the number of threads would decide it, or the processor.
    """
    return rows.gather(-1, rows.abs().argmax(-1, keepdim=True)).sign()


@torch.no_grad()
def project_embeddings(
    teacher: PreTrainedModel,
    student: PreTrainedModel,
    projections: Projections,
    directions: Callable[[Tensor, int], Tensor],
) -> None:
    """See `initialise_student`.

    Embeddings narrower than the layers are followed by a linear map that widens them. The directions kept are those of
    the words behind that map. A student with embeddings as wide as its teacher's takes them over, and puts the
    directions into its own map.
    """
    words, widening, own = teacher.get_input_embeddings().weight, _widening(teacher), _widening(student)
    source, target = _embeddings(teacher), _embeddings(student)
    tables = [name for name in source if name.endswith("embeddings.weight")]
    if not any(source[name] is words for name in tables) or not source.keys() <= target.keys():
        raise UserError(
            f"initialise: teacher-svd does not know the embeddings of a {teacher.config.model_type} model; "
            f"set initialise: random"
        )
    widened = words if widening is None else words.float() @ widening.weight.float().T
    basis = directions(widened, student.config.hidden_size)  # (teacher width, student width)
    projections.embedding.weight.copy_(basis)
    through = basis if widening is None else widening.weight.float().T @ basis  # (embedding width, student width)
    if own is not None and widening is not None:
        takes_over = own.in_features == widening.in_features
        own.weight.copy_(through.T if takes_over else torch.eye(*own.weight.shape))
        if own.bias is not None:
            own.bias.copy_(widening.bias.float() @ basis)
        if takes_over:
            for name, weight in source.items():  # DeBERTa's have the map, and a normalisation behind it, among them
                if target[name] is not own.weight and target[name].shape == weight.shape:
                    target[name].copy_(weight)
            return
    for name in tables:
        target[name].copy_(source[name].float() @ through)


def _embeddings(model: PreTrainedModel) -> dict[str, nn.Parameter]:
    return dict(model.embeddings.named_parameters()) if hasattr(model, "embeddings") else {}


def _widening(model: PreTrainedModel) -> nn.Linear | None:
    """The map from the embeddings' width to that of the layers, where a family has one."""
    modules = dict(model.named_modules())
    return next((modules[name] for name in WIDENINGS if name in modules), None)


def principal_directions(embeddings: Tensor, count: int) -> Tensor:
    """The first right singular vectors of (words, width) embeddings as the columns of a (width, count) matrix.

    The largest entry of each is positive.
    """
    _, _, rows = torch.linalg.svd(embeddings.double(), full_matrices=False)
    return (_signs(rows) * rows)[:count].T.float().contiguous()
