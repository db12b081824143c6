"""The command `unveil`: joins the commands of the packages, and ends the process with their exit status.

Nothing heavy is imported up here: `unveil --help` answers at once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from engines import zoo
from engines.errors import UnknownModel, UnveilError, UsageError
from engines.installation import version as installed_version
from realtime.run import terminal
from realtime.run.commands import process
from realtime.run.live.command import live
from realtime.serve.command import serve
from realtime.tools.commands import bench, demo, doctor, inspect
from train.commands.calibrate import calibrate
from train.commands.compile import compile_
from train.commands.label import label
from train.commands.measure import evaluate, reproduce
from train.commands.options import needs_training
from train.commands.portraits import portraits
from train.commands.train import average, train
from train.learn.checkpoint import checkpoint_at

_NAME = "unveil"
_RUN, _TRAIN, _MACHINE = "Mask", "Train and evaluate", "Machine and engines"
_GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    _RUN: (process, live, serve, demo),
    _MACHINE: (doctor, inspect, bench),
    _TRAIN: (label, portraits, train, average, calibrate, evaluate, reproduce),
}

app = typer.Typer(
    help="Label every pixel of a face in videos, images and live streams: face, occlusion or background.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _group, _commands in _GROUPS.items():
    for _command in _commands:
        app.command(rich_help_panel=_group)(_command)
app.command(name="compile", rich_help_panel=_MACHINE)(compile_)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{_NAME} {installed_version()}")
        raise typer.Exit()


@app.callback()
def _app(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    context.obj = _engine_for


def _engine_for(model: str) -> str:
    """The name or folder of a model's engine.

    A checkpoint's engine is built on first use; on a machine with an NVIDIA GPU so is that of a model that ships.

    Raises:
        UnknownModel: neither a model that ships, nor a folder, nor a checkpoint.
    """
    name = model.removesuffix(zoo.WITH_CONSENSUS)
    is_checkpoint = checkpoint_at(name) is not None
    if not is_checkpoint and name not in zoo.names() and not Path(name).is_dir():
        known = ", ".join(zoo.names())
        raise UnknownModel(
            f"'{model}' is neither a model that ships, nor the folder of an engine, nor a checkpoint (known models: "
            f"{known}){terminal.did_you_mean(name, zoo.names())}"
        )
    if is_checkpoint:
        needs_training("building the engine of a checkpoint", "torch")
    from train.compiling import engine_for

    return engine_for(name, lambda line: typer.echo(line, err=True)) + model[len(name) :]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit status.

    0 done, 1 something failed, 2 wrong use; interrupted: 130 by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.
    """
    terminal.quiet_native_libraries()
    with terminal.closed_pipes_ignored(), terminal.terminate_as_interrupt() as signals:
        status = _status(sys.argv[1:] if arguments is None else arguments)
    sys.exit(128 + signals[0] if status == 130 and signals else status)


def _status(arguments: Sequence[str]) -> int:
    try:
        return int(app(args=terminal.checked_arguments(arguments), prog_name=_NAME, standalone_mode=False) or 0)
    except UnveilError as e:
        return _failed(str(e), 2 if isinstance(e, UsageError | UnknownModel) else 1)
    except ImportError as e:
        return _failed(_import_problem(e), 1)
    except Exception as e:
        if not hasattr(e, "format_message"):
            raise
        return _wrong_use(e)


def _wrong_use(error: Exception) -> int:
    """What the parser of the command line refuses, in a sentence."""
    context = getattr(error, "ctx", None)
    message = str(error.format_message()) or (context.get_help() if context else "")  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(message)
        return 2
    message = message.replace(": Value error, ", ": ").partition(" Did you mean")[0].rstrip(".")
    if choice := re.search(r"'([^']*)' is not one of (.*)", message):
        message += terminal.did_you_mean(choice[1], re.findall(r"'(.*?)'", choice[2]))
    elif command := re.search(r"No such command '([^']*)'", message):
        message += terminal.did_you_mean(command[1], context.command.list_commands(context) if context else [])
    name = context.command_path if context else _NAME
    return _failed(f"{message[:1].lower()}{message[1:]} (see: {name} --help)", 2)


def _failed(sentence: str, status: int) -> int:
    typer.echo(f"{_NAME}: {sentence}", err=True)
    return status


def _import_problem(error: ImportError) -> str:
    from realtime.tools.system_libraries import missing_packages

    packages = " ".join(missing_packages())
    advice = f"sudo apt-get install {packages}; and see: unveil doctor" if packages else "unveil doctor"
    reason = str(error).strip().partition("\n")[0]  # some packages write a page
    return f"a package that this command needs cannot be loaded ({reason}); run: {advice}"


if __name__ == "__main__":
    main()
