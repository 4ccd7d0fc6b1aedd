"""BERT's and ELECTRA's encoder on a CPU, with the backward pass of its layers written out.

The layers of a small model are so quick that a third of a training step went to dispatching their some fifty
operations, to converting the same tensors again and again, and to kernels that are slow for short rows (attention's
backward pass, softmax in bf16, dropout). Here a layer is one node of the graph: products in the type that autocast
asks for (those of attention too, as in transformers' eager attention), softmax, normalisation and the sum that runs
through the layers in fp32, weights converted once, nothing computed twice. The numbers are those of the plain layers,
to the rounding of the type.
"""

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from equiglot.models.dropout import Dropout

_aten = torch.ops.aten


@dataclass(frozen=True)
class _Shape:
    """How the flat tokens [rows * width, hidden] of a layer are arranged, and what its backward pass must know."""

    rows: int
    width: int
    heads: int
    epsilon: float
    hidden_dropout: float
    attention_dropout: float


def can_encode(model: PreTrainedModel, device: torch.device) -> bool:
    """Whether `encode` computes this model: a plain BERT or ELECTRA on a CPU."""
    config = model.config
    return (
        device.type == "cpu"
        and config.model_type in ("bert", "electra")
        and config.hidden_act == "gelu"
        and not config.is_decoder
        and not config.add_cross_attention
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
    )


def encode(model: PreTrainedModel, inputs: Tensor, attention: Tensor | None) -> Tensor:
    """Last hidden states, float32 [rows, width, hidden], of a model that `can_encode` accepts.

    Products are computed in the type of CPU autocast, in fp32 without it.

    Args:
        model: a BERT or an ELECTRA, whose layers are BERT's; its embeddings may be narrower.
        inputs: int64 [rows, width].
        attention: bool [rows, width], true at real tokens; None where nothing is padding.
    """
    product = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
    config, encoder = model.config, cast(Any, model.base_model)
    training = model.training
    hidden_dropout = config.hidden_dropout_prob if training else 0.0
    attention_dropout = config.attention_probs_dropout_prob if training else 0.0
    dropout = Dropout() if hidden_dropout or attention_dropout else None
    rows, width = inputs.shape
    shape = _Shape(rows, width, config.num_attention_heads, config.layer_norm_eps, hidden_dropout, attention_dropout)
    hidden_bias = None if attention is None else ~attention[:, None, None, :]
    with torch.autocast("cpu", enabled=False):
        states = _embed(encoder.embeddings, inputs, hidden_dropout, dropout)
        if hasattr(encoder, "embeddings_project"):
            weight, bias = (each.to(product) for each in encoder.embeddings_project.parameters())
            states = functional.linear(states.to(product), weight, bias).float()
        for layer in encoder.encoder.layer:
            masks = _layer_masks(shape, config.hidden_size, product, dropout)
            states = cast(Any, _Layer).apply(states, hidden_bias, shape, product, masks, *_weights(layer))
    return states.view(rows, width, -1)


def _embed(embeddings: Any, inputs: Tensor, rate: float, dropout: Dropout | None) -> Tensor:
    """Word, position and segment, summed and normalised: float32 [rows * width, their width]."""
    words = functional.embedding(inputs, embeddings.word_embeddings.weight)
    places = embeddings.position_embeddings.weight[: inputs.shape[1]] + embeddings.token_type_embeddings.weight[0]
    states: Tensor = embeddings.LayerNorm(words + places).flatten(0, 1)
    if dropout is None or not rate:
        return states
    return states * (dropout.mask(tuple(states.shape), torch.float32, rate) * (1 / (1 - rate)))


def _layer_masks(
    shape: _Shape, hidden: int, product: torch.dtype, dropout: Dropout | None
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Dropout's masks of one layer: of attention's probabilities, of its output, of the feed-forward output."""
    if dropout is None:
        return None, None, None
    probabilities = (shape.rows * shape.heads, shape.width, shape.width)
    outputs = (shape.rows * shape.width, hidden)
    return (
        dropout.mask(probabilities, product, shape.attention_dropout) if shape.attention_dropout else None,
        dropout.mask(outputs, product, shape.hidden_dropout) if shape.hidden_dropout else None,
        dropout.mask(outputs, product, shape.hidden_dropout) if shape.hidden_dropout else None,
    )


def _weights(layer: Any) -> tuple[Tensor, ...]:
    own, attended = layer.attention.self, layer.attention.output
    linear = (own.query, own.key, own.value, attended.dense, layer.intermediate.dense, layer.output.dense)
    norms = (attended.LayerNorm, layer.output.LayerNorm)
    return tuple(each for module in (*linear, *norms) for each in (module.weight, module.bias))


class _Layer(torch.autograd.Function):
    """One layer: self-attention, sum, normalisation, feed-forward, sum, normalisation (Devlin et al., 2019)."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        padding: Tensor | None,
        shape: _Shape,
        product: torch.dtype,
        masks: tuple[Tensor | None, Tensor | None, Tensor | None],
        *weights: Tensor,
    ) -> Tensor:
        """Float32 [rows * width, hidden] to the same; `padding` is bool [rows, 1, 1, width], true at padding."""
        wq, bq, wk, bk, wv, bv, wo, bo, w1, b1, w2, b2, *norms = weights
        w_in, w_out, w_up, w_down = (each.to(product) for each in (torch.cat([wq, wk, wv]), wo, w1, w2))
        b_in, b_out, b_up, b_down = (each.to(product) for each in (torch.cat([bq, bk, bv]), bo, b1, b2))
        drop_attention, drop_attended, drop_output = masks
        x = states.to(product)
        queries, keys, values = heads = _split(torch.addmm(b_in, x, w_in.t()), 3, shape)
        scale = 1 / math.sqrt(queries.shape[-1])
        scores = torch.bmm(queries, keys.mT).float().mul_(scale)
        if padding is not None:
            scores.view(shape.rows, shape.heads, shape.width, shape.width).masked_fill_(padding, -math.inf)
        probabilities = torch.softmax(scores, -1)
        used = _dropped(probabilities.to(product), drop_attention, shape.attention_dropout)
        context = _join(torch.bmm(used, values)[None], shape)
        attended = torch.addmm(b_out, context, w_out.t())
        first_sum = _add_dropped(states, attended, drop_attended, shape.hidden_dropout)
        first, *first_moments = _normalise(first_sum, norms[0], norms[1], shape)
        y = first.to(product)
        up = torch.addmm(b_up, y, w_up.t())
        active = functional.gelu(up)
        second_sum = _add_dropped(first, torch.addmm(b_down, active, w_down.t()), drop_output, shape.hidden_dropout)
        second, *second_moments = _normalise(second_sum, norms[2], norms[3], shape)
        ctx.shape, ctx.product = shape, product
        ctx.save_for_backward(
            *(x, heads, probabilities, used, context, first_sum, y, up, active, second_sum),
            *(*first_moments, *second_moments, w_in, w_out, w_up, w_down, *norms, *masks),
        )
        return second

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """From the gradient of the output to those of the input and of the weights, by the rules of the chain."""
        shape, product = ctx.shape, ctx.product
        x, heads, probabilities, used, context, first_sum, y, up, active, second_sum, *rest = ctx.saved_tensors
        first_mean, first_scale, second_mean, second_scale, w_in, w_out, w_up, w_down, *rest = rest
        g1, b1, g2, b2, drop_attention, drop_attended, drop_output = rest
        queries, keys, values = heads
        # feed-forward
        d_sum, d_g2, d_b2 = _normalise_backward(gradient, second_sum, second_mean, second_scale, g2, b2)
        d = _drop_gradient(d_sum, drop_output, shape.hidden_dropout, product)
        d_down, d_down_bias = d.t() @ active, d.sum(0)
        d = _aten.gelu_backward(d @ w_down, up)
        d_up, d_up_bias = d.t() @ y, d.sum(0)
        d_first = d_sum + d @ w_up
        # attention
        d_sum, d_g1, d_b1 = _normalise_backward(d_first, first_sum, first_mean, first_scale, g1, b1)
        d = _drop_gradient(d_sum, drop_attended, shape.hidden_dropout, product)
        d_out, d_out_bias = d.t() @ context, d.sum(0)
        (d_context,) = _split(d @ w_out, 1, shape)
        d_heads = torch.empty_like(heads)
        torch.bmm(used.mT, d_context, out=d_heads[2])
        d_used = _dropped(torch.bmm(d_context, values.mT), drop_attention, shape.attention_dropout).float()
        scale = 1 / math.sqrt(queries.shape[-1])
        d_scores = _aten._softmax_backward_data(d_used, probabilities, -1, torch.float32).mul_(scale).to(product)
        torch.bmm(d_scores, keys, out=d_heads[0])
        torch.bmm(d_scores.mT, queries, out=d_heads[1])
        d = _join(d_heads, shape)
        d_in, d_in_bias = d.t() @ x, d.sum(0)
        d_states = d_sum + d @ w_in
        inward = (each for pair in zip(d_in.chunk(3), d_in_bias.chunk(3), strict=True) for each in pair)
        others = (d_out, d_out_bias, d_up, d_up_bias, d_down, d_down_bias, d_g1, d_b1, d_g2, d_b2)
        return (d_states, None, None, None, None, *(each.float() for each in (*inward, *others)))


def _split(flat: Tensor, parts: int, shape: _Shape) -> Tensor:
    """[rows * width, parts * hidden] to [parts, rows * heads, width, size]."""
    size = flat.shape[1] // parts // shape.heads
    arranged = flat.view(shape.rows, shape.width, parts, shape.heads, size).permute(2, 0, 3, 1, 4)
    return arranged.reshape(parts, shape.rows * shape.heads, shape.width, size)


def _join(heads: Tensor, shape: _Shape) -> Tensor:
    """[parts, rows * heads, width, size] to [rows * width, parts * hidden]."""
    parts, size = heads.shape[0], heads.shape[-1]
    arranged = heads.view(parts, shape.rows, shape.heads, shape.width, size).permute(1, 3, 0, 2, 4)
    return arranged.reshape(shape.rows * shape.width, parts * shape.heads * size)


def _normalise(states: Tensor, weight: Tensor, bias: Tensor, shape: _Shape) -> tuple[Tensor, Tensor, Tensor]:
    normalised: tuple[Tensor, Tensor, Tensor] = _aten.native_layer_norm(
        states, [states.shape[1]], weight, bias, shape.epsilon
    )
    return normalised


def _normalise_backward(
    gradient: Tensor, states: Tensor, mean: Tensor, scale: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of what was normalised, of the weight and of the bias."""
    gradients: tuple[Tensor, Tensor, Tensor] = _aten.native_layer_norm_backward(
        gradient, states, [states.shape[1]], mean, scale, weight, bias, [True, True, True]
    )
    return gradients


def _dropped(values: Tensor, mask: Tensor | None, rate: float) -> Tensor:
    return values if mask is None else (values * mask).mul_(1 / (1 - rate))


def _add_dropped(states: Tensor, output: Tensor, mask: Tensor | None, rate: float) -> Tensor:
    """The sum, fp32, of what runs through the layers and of a part's output, some of it dropped."""
    return states + output if mask is None else torch.add(states, output * mask, alpha=1 / (1 - rate))


def _drop_gradient(gradient: Tensor, mask: Tensor | None, rate: float, product: torch.dtype) -> Tensor:
    if mask is None:
        return gradient.to(product)
    return (gradient * (1 / (1 - rate))).to(product).mul_(mask)
