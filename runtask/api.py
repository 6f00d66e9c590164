"""`runtask.send`: what `runtask send` does, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from function.limits import MAX_KEY_LENGTH
from function.message.idempotency import valid_key
from runtask.account import ProfileSessions
from runtask.delivery import run as delivery
from runtask.delivery.sender import InterruptedSendError
from runtask.errors import UsageError
from runtask.input.documents import as_body
from runtask.input.origin import Origin
from runtask.messages import Message, MessageInput, new_key
from runtask.profiles import Profiles
from runtask.project import load_project

if TYPE_CHECKING:
    from collections.abc import Iterable

    import boto3
    from types_boto3_sts.type_defs import CredentialsTypeDef

    from infra.names import Location
    from runtask.account import Sessions


def send(  # noqa: PLR0913 - one for each choice of a sender
    messages: Mapping[str, Any] | str | Iterable[Mapping[str, Any] | str],
    *,
    stage: str,
    project: str | Path = ".",
    keys: str | Iterable[str] | None = None,
    group: str | None = None,
    rate: float | None = None,
    profile: str | None = None,
    session: boto3.Session | None = None,
) -> list[str]:
    """Send messages to a stage, after all of them were checked as its handler would.

    Args:
        messages: One message or several: each the parameters of RunTask, with the wrapper `ECS` or
            without, as a mapping or as the text of a body.
        stage: The stage, as in `Pulumi.STAGE.yaml`.
        project: The folder of `Pulumi.yaml`.
        keys: The idempotency keys, in the order of the messages; None for new ones. A program that
            can break off, and be run again, has to set them: the same key never starts a second
            task.
        group: The message group of all messages; None for none, or one a message in a FIFO queue.
        rate: Messages a second at most; None for no limit.
        profile: The AWS profile; None for the credentials of the environment.
        session: The session to send with, in place of a profile.

    Returns:
        The keys of the messages, in their order.

    Raises:
        UsageError: if the handler would reject a message; none was sent then.
        ProjectError: if the stage's file is missing or invalid.
        AccountError: if the credentials are missing, invalid or of another account.
        RuntaskError: if SQS rejects a message. Those before it may have been sent: send all of them
            again with the same keys.
    """
    config = load_project(Path(project)).stage_config(stage)
    made = _messages(messages, keys, group)
    sessions: Sessions = (
        ProfileSessions(profiles=Profiles(default=profile))
        if session is None
        else _OneSession(session)
    )
    source = MessageInput(messages=tuple(made))
    how = delivery.SendOptions(rate=rate, quiet=True)
    try:
        return [sent.key for sent in delivery.send(source, config, sessions, how)]
    except InterruptedSendError:
        raise KeyboardInterrupt from None


class _OneSession:
    """The session that a program brings along.

    Args:
        session: In the region of the stage.
    """

    def __init__(self, session: boto3.Session) -> None:
        self._session = session

    def own(self, stage: str, location: Location) -> boto3.Session:
        """Return the session.

        Raises:
            UsageError: if it is for another region than the stage's.
        """
        if self._session.region_name != location.region:
            raise UsageError(
                f"session: found region {self._session.region_name}; stage {stage} is in "
                f"{location.region}"
            )
        return self._session

    def assumed(self, location: Location, keys: CredentialsTypeDef) -> boto3.Session:
        """Sending assumes no role."""
        raise NotImplementedError


def _messages(
    messages: Mapping[str, Any] | str | Iterable[Mapping[str, Any] | str],
    keys: str | Iterable[str] | None,
    group: str | None,
) -> list[Message]:
    several = [messages] if isinstance(messages, Mapping | str) else list(messages)
    if keys is None:
        chosen = [new_key() for _ in several]
    else:
        chosen = [keys] if isinstance(keys, str) else list(keys)
    if len(chosen) != len(several):
        raise UsageError(f"keys: found {len(chosen)} for {len(several)} messages")
    if len(set(chosen)) < len(chosen):
        raise UsageError("keys: the same key is there twice")
    for key in chosen:
        if not valid_key(key):
            raise UsageError(
                f"keys: expected 1 to {MAX_KEY_LENGTH} letters, digits, - and _, found {key!r}"
            )
    made = []
    for position, (message, key) in enumerate(zip(several, chosen, strict=True)):
        source = f"messages[{position}]"
        body = message if isinstance(message, str) else as_body(message, Origin(file=source))
        made.append(Message(source=source, body=body, key=key, group=group))
    return made
