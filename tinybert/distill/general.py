"""General distillation: a student learns the teacher's embeddings, hidden states and attention from a corpus."""

from __future__ import annotations

from pathlib import Path

from transformers import PretrainedConfig

from tinybert.distill.objective import DistillationObjective
from tinybert.distill.teacher import frozen_teacher
from tinybert.errors import UserError
from tinybert.models.fit import require_length, require_same_heads
from tinybert.models.initialise import initialise_student
from tinybert.models.layer_map import layer_pairs
from tinybert.models.loading import load_config, load_encoder, load_tokenizer
from tinybert.models.student import StudentModel
from tinybert.params.general import General
from tinybert.text.blocks import corpus_blocks
from tinybert.text.tokens import Padding
from tinybert.train.job import Job
from tinybert.train.trainer import no_training, train


def distil_general_student(settings: General, corpus: Path, teacher: Path, job: Job) -> None:
    """Distil a general student (paper, section 3) and write it, its tokenizer and its projections to the job's folder.

    Args:
        corpus: Parquet shards of documents.
        teacher: a pretrained model that is not fine-tuned.

    Raises:
        UserError: student and teacher don't fit each other: heads, layers, widths, positions.
    """
    config = load_config(teacher)
    tokenizer = load_tokenizer(teacher)
    architecture, losses = settings.architecture, settings.losses
    require_fit(settings, config)
    pairs = layer_pairs(settings.layer_map, architecture.layers, config.num_hidden_layers)
    student, projections = initialise_student(
        load_encoder(teacher), architecture, settings.initialise, job.seed(settings.train)
    )
    model = StudentModel(student, projections, records_scores=bool(losses.attention and settings.train.epochs))
    learns = bool(settings.train.epochs and any(losses.model_dump().values()))
    objective = DistillationObjective(
        losses.model_dump(), pairs, frozen_teacher(teacher, job.dtype, bool(losses.attention)) if learns else None
    )
    facts = {"parameters": student.num_parameters()}
    if learns:
        blocks = corpus_blocks(corpus, tokenizer, settings.train.max_length)
        facts["blocks"] = len(blocks)
        print(
            f"  {len(blocks):,} blocks of {settings.train.max_length} tokens, {student.num_parameters():,} parameters"
        )
        padding = Padding(tokenizer.pad_token_id)
        train(model, objective, blocks, padding, settings.train, job, epochs=settings.train.epochs)
    else:
        no_training(job)
    model.save(job.folder)
    tokenizer.save_pretrained(job.folder)
    job.write_lineage(settings, {"corpus": corpus, "teacher": teacher}, facts)


def require_fit(general: General, teacher: PretrainedConfig) -> None:
    """Refuse a general student that its teacher can't teach.

    Raises:
        UserError: heads, layers, width or positions don't agree.
    """
    architecture = general.architecture
    layer_pairs(general.layer_map, architecture.layers, teacher.num_hidden_layers)
    require_length(teacher, general.train.max_length)
    if general.train.epochs and general.losses.attention:
        require_same_heads(architecture.heads, teacher)
    if general.initialise == "teacher-svd" and architecture.hidden > teacher.hidden_size:
        raise UserError(
            f"initialise: teacher-svd needs a student no wider than its teacher, found hidden {architecture.hidden} "
            f"for a teacher of {teacher.hidden_size}; set initialise: random, or a smaller hidden"
        )
