"""`runtask completion`: prints what lets a shell complete the command."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from runtask.options import HELP

_SHELLS: Final = ("bash", "zsh", "fish")

# What the script that click writes for a shell asks the command by.
_VARIABLE: Final = "_RUNTASK_COMPLETE"


@click.command(context_settings=HELP)
@click.argument("shell", metavar="SHELL", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes the command in SHELL: bash (4.4 or newer), zsh or fish.

    \b
    Examples:
      runtask completion bash > ~/.local/share/bash-completion/completions/runtask
      runtask completion zsh > ~/.zfunc/_runtask      # with fpath+=(~/.zfunc) before compinit
      runtask completion fish > ~/.config/fish/completions/runtask.fish
    """  # noqa: D301 - click wants the character itself
    found = get_completion_class(shell)
    if found is not None:
        script = found(context.find_root().command, {}, "runtask", _VARIABLE)
        # Not `source()`, which starts bash to see its version.
        click.echo(script.source_template % script.source_vars())
