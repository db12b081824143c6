"""The interface of a backend: whether it can run here, how it compiles a network, and how it loads the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from engines.backends import Device
from engines.engine import U8, Engine
from engines.errors import UsageError
from engines.manifest import Manifest
from engines.spec import BuildSpec, Precision

if TYPE_CHECKING:
    from engines.backends.graph import Graph
    from engines.compiling.deploy import Deploy


class Backend(ABC):
    """One library that compiles and runs networks. Its own imports are made on demand: no other backend needs them."""

    name: ClassVar[str]
    """As in `engines.backends.BACKENDS`."""
    devices: ClassVar[tuple[Device, ...]]
    """The kinds of devices that its engines run on."""
    precisions: ClassVar[tuple[Precision, ...]]
    """The precisions that it can compile."""
    packages: ClassVar[tuple[str, ...]]
    """The packages whose versions decide what an engine is: they are recorded in its manifest."""
    extra: ClassVar[str]
    """The project's extra that brings what builds its engines."""
    required: ClassVar[bool] = False
    """Whether every installation must be able to run it."""
    batch_ranges: ClassVar[bool] = True
    """Whether one engine can take a varying number of crops."""
    other_devices: ClassVar[bool] = False
    """Whether it can compile for other devices than the one here (`BuildSpec.compatible`)."""

    @abstractmethod
    def available(self, device: Device) -> tuple[bool, str]:
        """Whether its engines run on such a device here; and what is offered, or why not and what to do."""

    @abstractmethod
    def export(self, deploy: Deploy, build_spec: BuildSpec, calibration: U8 | None, folder: Path) -> Graph:
        """Compile a network into files in `folder`.

        Args:
            deploy: the network, in float32.
            build_spec: passed `check_request`.
            calibration: (N, S, S, 3) uint8 RGB crops, where the precision needs them.
        """

    @abstractmethod
    def load(self, folder: Path, manifest: Manifest, name: str, threads: int | None) -> Engine:
        """Load an engine and run it once, so that the first frame is not slower.

        Args:
            name: what the engine is called in messages (`engines.load.engine_name`).
            threads: CPU threads that one call may use; None: as many as its work is worth.

        Raises:
            MissingExtra: a package is not installed.
            EngineMismatch: this machine cannot run it; the message names each difference.
            EngineDamaged: the files are not what the manifest states.
        """

    def check_request(self, build_spec: BuildSpec) -> None:
        """Raises UsageError where the backend cannot build such an engine anywhere."""
        if build_spec.precision not in self.precisions:
            raise UsageError(f"{self.name} engines are {', '.join(self.precisions)}; got {build_spec.precision}")
        if not self.batch_ranges and not build_spec.batch.static:
            raise UsageError(
                f"{self.name} engines have one batch, because a range gains nothing on a CPU; got {build_spec.batch}, "
                f"expected a number such as {build_spec.batch.opt}"
            )
        if build_spec.compatible and not self.other_devices:
            raise UsageError(f"{self.name} engines are not built for other GPUs; leave --compatible out")
