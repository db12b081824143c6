"""Adds to the wheel what `pyproject.toml` cannot say: that the single module `unveil.py` is typed.

A type checker believes the types of an installed module only if a folder of its name holds a file `py.typed` (PEP 561).
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildTyped(build_py):
    """Writes `unveil/py.typed` next to `unveil.py`. Python still imports the module: the folder is no package."""

    def run(self) -> None:
        """Build as usual, then add the file. An editable install needs none."""
        super().run()
        if not self.editable_mode:
            marker = Path(self.build_lib) / "unveil" / "py.typed"
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()


setup(cmdclass={"build_py": BuildTyped})
