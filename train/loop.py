"""The training loop. It resumes after a kill at any moment, with the samples in the same order."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from engines.errors import DataError
from engines.spec import ModelSpec
from train import models
from train.checkpoint import load_state, load_weights, save_state, save_weights
from train.config import TrainConfig
from train.data.composites import Composites
from train.data.faces import load_faces
from train.evaluate import Held, evaluate_network
from train.losses.consensus import ConsensusLoss
from train.occlude import Occluders

Say = Callable[[str], None]
_WARM_UP_STEPS = 200
_LOG_EVERY = 50


class _Batches(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Composites as tensors: crops uint8 (S, S, 3), labels and blobs uint8 (S, S)."""

    def __init__(self, composites: Composites, length: int) -> None:
        self._composites, self._length = composites, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        sample = self._composites[index]
        return torch.from_numpy(sample.rgb), torch.from_numpy(sample.labels), torch.from_numpy(sample.blobs)


def train(config: TrainConfig, say: Say = print) -> dict[str, Any]:
    """Run a training to its end, from where an earlier run of the same folder stopped.

    Returns:
        The last evaluation on the held-aside set.

    Raises:
        DataError: data are missing, or the folder holds another run's state.
    """
    torch.manual_seed(config.seed)
    cv2.setNumThreads(0)  # a loader process forked beside OpenCV's own threads would wait for them forever
    spec = models.spec(config.model)
    network = models.create(config.model)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs of Module.to
    if config.start:
        network.load_state_dict(load_weights(config.start)[0])
    average = models.create(config.model)
    average.load_state_dict(network.state_dict())
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    first_step = _resume(config, network, average, optimizer, say)
    held = Held.load(config.labels, config.occluders, spec)
    result: dict[str, Any] = {}
    saved_at = time.monotonic()
    log = Log(config, say)
    for step, batch in enumerate(_batches(config, spec, first_step), first_step):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, step)
        terms = train_step(config, spec, network, optimizer, batch)
        _move_average(average, network, min(config.average_decay, (1 + step) / (10 + step)))
        log.step(step, terms, optimizer.param_groups[0]["lr"])
        done = step + 1
        if done % max(1, config.evaluate_every // config.batch) == 0 or done == config.steps:
            result = evaluate_network(average, held)
            log.evaluation(done, result)
        if time.monotonic() - saved_at > 60 * config.checkpoint_minutes or done == config.steps:
            _save(config, done, network, average, optimizer)
            saved_at = time.monotonic()
    return result or evaluate_network(average, held)


def train_step(
    config: TrainConfig, spec: ModelSpec, network: nn.Module, optimizer: torch.optim.Optimizer, batch: list[Tensor]
) -> dict[str, float]:
    """One optimiser step. Returns the named loss terms."""
    crops, labels, blobs = batch[0], batch[1].long(), batch[2].long()
    network.train()
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
        logits = network(normalise(crops, spec))
    terms = loss_terms(config, logits.float(), labels, labels if config.blobs == "class" else blobs)
    optimizer.zero_grad(set_to_none=True)
    terms["total"].backward()
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    return {name: float(value.detach()) for name, value in terms.items()}


def loss_terms(config: TrainConfig, logits: Tensor, labels: Tensor, blobs: Tensor) -> dict[str, Tensor]:
    """The named terms of the configured loss, and `total`."""
    terms: dict[str, Tensor] = {"total": logits.new_zeros(())}
    if config.cross_entropy:
        terms["cross_entropy"] = F.cross_entropy(logits, labels)
        terms["total"] = terms["total"] + config.cross_entropy * terms["cross_entropy"]
    if config.consensus:
        consensus = ConsensusLoss(config.alpha, config.beta)(logits, labels, blobs)
        terms |= {"label": consensus["label"], "deviation": consensus["deviation"]}
        terms["total"] = terms["total"] + config.consensus * consensus["total"]
    return terms


def normalise(crops: Tensor, spec: ModelSpec) -> Tensor:
    """(N, S, S, 3) uint8 RGB -> (N, 3, S, S) float32 as the spec says, channels last."""
    mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
    return ((crops.float() / 255 - mean) / std).permute(0, 3, 1, 2)


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine down to a hundredth of the peak."""
    warm = min(1.0, (step + 1) / min(_WARM_UP_STEPS, max(1, config.steps // 10)))
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.steps)))
    return config.learning_rate * warm * (0.01 + 0.99 * cosine)


class Log:
    """A readable line now and then, one JSON line each in `log.jsonl`, and tensorboard."""

    def __init__(self, config: TrainConfig, say: Say) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._config, self._say = config, say
        self._path = config.output / "log.jsonl"
        self._board = SummaryWriter(str(config.output / "tensorboard"))
        self._sums: dict[str, float] = {}
        self._since, self._started = 0, time.monotonic()

    def step(self, step: int, terms: dict[str, float], rate: float) -> None:
        """Count one step; every so often write the mean of the terms."""
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._since += 1
        if (step + 1) % _LOG_EVERY:
            return
        means = {name: round(value / self._since, 5) for name, value in self._sums.items()}
        speed = self._since * self._config.batch / (time.monotonic() - self._started)
        left = (self._config.steps - step - 1) * self._config.batch / speed / 60
        text = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        self._say(f"step {step + 1}/{self._config.steps}: {text}; {speed:.0f} samples/s, {left:.0f} min left")
        self._write({"step": step + 1, "learning_rate": rate, "samples_per_second": round(speed, 1)} | means)
        self._sums, self._since, self._started = {}, 0, time.monotonic()

    def evaluation(self, step: int, result: dict[str, Any]) -> None:
        """Write a look at the held-aside set."""
        self._say(f"step {step}: held aside {json.dumps(result)}")
        self._write({"step": step, "held": result})

    def _write(self, row: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        for name, value in row.items():
            if isinstance(value, float):
                self._board.add_scalar(name, value, row["step"])


def _batches(config: TrainConfig, spec: ModelSpec, first_step: int) -> Iterator[list[Tensor]]:
    composites = Composites(load_faces(config.labels, "train"), Occluders(config.occluders, "train"), spec, config.seed)
    dataset = _Batches(composites, config.samples)
    order = [range(s * config.batch, (s + 1) * config.batch) for s in range(first_step, config.steps)]
    yield from DataLoader(
        dataset, batch_sampler=order, num_workers=config.workers, worker_init_fn=_start_worker,  # type: ignore[arg-type]
        prefetch_factor=6 if config.workers else None, persistent_workers=False,
    )  # fmt: skip


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


@torch.no_grad()
def _move_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    for own, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if own.dtype.is_floating_point:
            own.lerp_(new, 1 - decay)
        else:
            own.copy_(new)


def _resume(
    config: TrainConfig, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer, say: Say
) -> int:
    config.output.mkdir(parents=True, exist_ok=True)
    path, record = config.output / "state.pt", config.output / "config.json"
    now = {key: value for key, value in config.to_json().items() if key not in ("workers", "checkpoint_minutes")}
    if not path.is_file():
        record.write_text(json.dumps(now, indent=2) + "\n")
        return 0
    before = json.loads(record.read_text())
    if before != now:
        differences = [
            f"{key}: {before.get(key)!r} before, {now.get(key)!r} now" for key in now if before.get(key) != now[key]
        ]
        raise DataError(
            f"{config.output} holds another run ({'; '.join(differences)}); name another --output or delete it"
        )
    state = load_state(path)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    say(f"resuming at step {state['step']} of {config.steps}")
    return int(state["step"])


def _save(
    config: TrainConfig, step: int, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    state = {
        "step": step,
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    save_state(config.output / "state.pt", state)
    metadata = {"model": config.model, "step": step, "samples": step * config.batch, "config": config.to_json()}
    save_weights(config.output / "weights.safetensors", average.state_dict(), metadata)
