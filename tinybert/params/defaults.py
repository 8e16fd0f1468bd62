"""What params.yaml leaves unsaid: the default of every key, and the shape of every architecture that has a name.

These decide bytes. So the stages depend on this module, and on none of its neighbours, which only check and word. A key
whose absence means "as it is", such as the model's own dropout, is null in its table and not listed here.
"""

from typing import Final

# Any training
BATCH_SIZE = 32
WARMUP = 0.1
WEIGHT_DECAY = 0.01

# Losses and what they compare
WEIGHT = 0.0
LAYER_MAP = "uniform"
RELATION_HEADS = 12
"""MiniLMv2 takes 48 for models of width 768; 12 divides 312, 384 and 768."""
TEMPERATURE = 1.0
VOCABULARY_TEMPERATURE = 2.0
"""DistilBERT's, of the loss `vocabulary` in general distillation."""

# A task's rows
FILE_KIND: Final = "table"
SPLIT_SEED = 0
BROKEN_LINES: Final = "refuse"
LONGEST_ANSWER = 30

# A task's teacher and its augmentation
ABOVE_CHANCE = True
MASKED = 0.15
"""BERT's, of the tokens that a masked language model is to predict."""
PROBABILITY = 0.4
CANDIDATES = 15
"""With p_t = 0.4, Algorithm 1's settings in the paper."""
VOCABULARY = 100_000
CONTEXT: Final = "current"
MASKS_PER_PASS = 1

# What is taken away
INT8: Final = "auto"
MAX_LOSS = 0.003

ARCHITECTURES = {
    "tinybert4": {"layers": 4, "hidden": 312, "heads": 12, "intermediate": 1200},
    "tinybert6": {"layers": 6, "hidden": 768, "heads": 12, "intermediate": 3072},
    "bert-tiny": {"layers": 2, "hidden": 128, "heads": 2, "intermediate": 512},
    "bert-mini": {"layers": 4, "hidden": 256, "heads": 4, "intermediate": 1024},
    "bert-small": {"layers": 4, "hidden": 512, "heads": 8, "intermediate": 2048},
    "bert-medium": {"layers": 8, "hidden": 512, "heads": 8, "intermediate": 2048},
}
