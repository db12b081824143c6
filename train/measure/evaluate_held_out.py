"""Evaluates a model on held-out faces: unmodified, with occluders pasted on them, by group, and through detection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.errors import UsageError
from engines.spec import CONSENSUS_LABELS
from train.data.faces import load_faces
from train.data.split import face_rules
from train.measure import sheets
from train.measure.end_to_end import find
from train.measure.groups import altered_copies, evaluated_groups, group_rows
from train.measure.held_out import HeldOutSet
from train.measure.held_out_scores import metrics, occluder_metrics, predict_set, score
from train.measure.open_model import open_model
from train.occluders.kinds import Occluders

if TYPE_CHECKING:
    pass


def evaluate_model(
    model: str, labels: Path, occluders: Path, sheet: Path | None = None, groups_sheet: Path | None = None
) -> dict[str, Any]:
    """Evaluate a model by name. Engines are also evaluated through face detection. Returns a JSON-ready object.

    Args:
        model: any model that `open_model` opens.
        labels: the folder that `unveil label` wrote.
        occluders: the folder of cut-out occluders.
        sheet: where to write pictures with ground truth and prediction.
        groups_sheet: where to write such pictures for each group of faces.

    Raises:
        UsageError: the model has other labels.
        DataError: a folder is missing or damaged.
    """
    faces, library, rules = load_faces(labels, "held out"), Occluders(occluders, "held out"), face_rules(labels)
    with open_model(model) as opened:
        spec = opened.spec
        if spec.labels != CONSENSUS_LABELS:
            raise UsageError(
                f"{opened.name} has the labels {', '.join(spec.labels)}; expected {', '.join(CONSENSUS_LABELS)}. "
                "Evaluate it with --data parts:FOLDER"
            )
        held_out = HeldOutSet.compose(faces, library, spec)
        predictions = predict_set(opened.predict, held_out)
        copies = {
            title: (copy, predict_set(opened.predict, copy))
            for title, copy in altered_copies(held_out, faces, library).items()
        }
        through_detection = find(opened.engine, faces, library) if opened.engine else None
    groups = evaluated_groups(held_out, predictions, copies, rules)
    if sheet:
        sheets.write_held_out_sheet(sheet, held_out, predictions)
    if groups_sheet:
        sheets.write_groups_sheet(groups_sheet, groups)
    result = {"model": opened.name} | score(held_out, predictions) | {"groups": group_rows(groups)}
    if through_detection:
        truth, predicted, covered = through_detection.truth, through_detection.predicted, through_detection.covered
        result["detected"] = {
            "found": round(100 * through_detection.share, 2),
            **metrics(truth, predicted, spec),
            **occluder_metrics(covered, predicted),
        }
    return result
