"""General distillation: a student learns from a corpus what its teacher makes of it, with no label in sight."""

from __future__ import annotations

from pathlib import Path

from transformers import PretrainedConfig

from tinybert.distill.losses.objective import LAYER_LOSSES, RECORDED, DistillationObjective
from tinybert.models.compatibility import (
    require_comparable,
    require_existing_student,
    require_length,
    require_masked_head,
)
from tinybert.models.initialise import initialise_student, with_masked_head
from tinybert.models.loading import load_config, load_encoder, load_masked_lm, load_tokenizer, save_tokenizer
from tinybert.models.shape import layer_pairs, require_start, student_config
from tinybert.models.signals import StudentModel, frozen_teacher
from tinybert.params.general import General
from tinybert.tokens.blocks import corpus_blocks
from tinybert.tokens.encoding import Padding
from tinybert.tokens.masking import Masking
from tinybert.train.loop.job import Job
from tinybert.train.loop.trainer import no_training, train


def distill_general_student(
    settings: General, corpus: Path, teacher: Path, job: Job, start: Path | None = None
) -> None:
    """Distill a general student (paper, section 3) and write it, its tokenizer and its projections to the job's folder.

    Args:
        corpus: Parquet shards of documents.
        teacher: a pretrained model that is not fine-tuned.
        start: with `initialise: start`, the model whose weights the student begins with; None is the teacher.

    Raises:
        UserError: student and teacher don't fit each other: heads, layers, widths, positions, or there is no
            masked-language head for a loss that needs one.
    """
    start = start or teacher
    config, tokenizer = load_config(teacher), load_tokenizer(teacher)
    training, architecture, losses = settings.train, settings.architecture, settings.losses.model_dump()
    require_compatible(settings, config)
    require_compatible_folders(settings, teacher, start)
    seed = job.seed(training)
    student, projections = initialise_student(load_encoder(teacher), architecture, settings.initialise, seed, start)
    learns = bool(training.epochs and any(losses.values()))
    records = learns and any(losses[name] for name in RECORDED)
    masks = learns and settings.losses.masks
    trained = with_masked_head(student, load_masked_lm(teacher)) if masks else student
    model = StudentModel(trained, projections, records)
    facts = {"parameters": student.num_parameters()}
    if learns:
        blocks = corpus_blocks(corpus, tokenizer, training.max_length)
        facts["blocks"] = len(blocks)
        print(f"  {len(blocks):,} blocks of {training.max_length} tokens, {student.num_parameters():,} parameters")
        compared = any(losses[name] for name in (*LAYER_LOSSES, "vocabulary"))
        objective = DistillationObjective(
            losses,
            layer_pairs(settings.layer_map, architecture.layers, config.num_hidden_layers),
            frozen_teacher(teacher, job.dtype, records, bool(losses["vocabulary"])) if compared else None,
            settings.temperature,
            settings.relation_heads,
        )
        collate = Masking(tokenizer, seed, config.vocab_size) if masks else Padding(tokenizer.pad_token_id)
        train(model, objective, blocks, collate, training, job, epochs=training.epochs)
    else:
        no_training(job)
    # Without a masked-language head: the next phases put a prediction layer on the encoder, and need no other.
    StudentModel(student, projections, records_scores=False).save(job.folder)
    save_tokenizer(tokenizer, job.folder)
    inputs = {"corpus": corpus, "teacher": teacher} | ({"start": start} if settings.initialise == "start" else {})
    job.write_lineage(settings, training, inputs, facts)


def require_compatible(general: General, teacher: PretrainedConfig) -> None:
    """Refuse a general student that its teacher can't teach.

    Raises:
        UserError: heads, layers, width or positions don't agree, or the teacher's family has no such students.
    """
    if general.train.epochs:
        losses, heads = general.losses.model_dump(), general.relation_heads
        require_comparable(losses, general.layer_map, heads, general.architecture, teacher)
    require_length(teacher, general.train.max_length)
    if general.initialise != "start":
        student_config(teacher, general.architecture)
    require_start(general.architecture, general.initialise, teacher)


def require_compatible_folders(general: General, teacher: Path, start: Path) -> None:
    """What `require_compatible` can't ask of a configuration: heads, tokenizers, an existing student's shape.

    Raises:
        UserError: the teacher has no masked-language head, or the existing student doesn't fit.
    """
    if general.train.epochs and general.losses.masks:
        require_masked_head(teacher)
    if general.initialise == "start":
        require_existing_student(general.architecture, start, teacher)
        require_length(load_config(start), general.train.max_length, start)
