"""Tells a person of the keys that ended badly, on the failure topic.

Ten thousand failures are a few messages: of each state and reason, the first key of a quarter of
an hour is told at once, and the others together at its end, with their number. The windows are
items of the table, so that all execution environments share them.

A notice has names, codes and the words of this project, and nothing that a sender or ECS wrote.
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import RetryableFailure
from function.limits import (
    MAX_SUBJECT_LENGTH,
    MAX_SWEEP_NOTICES,
    NOTICE_KEPT_SECONDS,
    NOTICE_WINDOW_SECONDS,
)
from function.outcomes.effects import EffectError
from function.outcomes.explanations import console_links, explain
from function.outcomes.states import State
from function.table import EXPIRES, KEY, LISTED, LISTED_AT, ConditionFailedError

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from function.clock import Clock
    from function.observability import Log
    from function.outcomes.history import History
    from function.settings import Settings
    from function.table import Table

_MILLISECONDS: Final = 1000

# The key of a window, and what it is listed as. The key of a message has no `/`.
NOTICE: Final = "notice"

# Keys that one message names.
_MAX_KEYS: Final = 5

_MAX_TRIES: Final = 4

# The attributes of a window: its end; how many keys wait to be told, and the first of them; and
# those of an earlier window whose message may not have been published.
_UNTIL: Final = "until"
_WAITING: Final = "waiting"
_KEYS: Final = "waiting_keys"
_UNSENT: Final = "unsent"
_UNSENT_KEYS: Final = "unsent_keys"


class Notices:
    """Publishes notices.

    Args:
        sns: A client without retries.
        table: The stage's table.
        settings: The failure topic, and the stage's name.
        log: The function's logger.
        clock: Tells the time.
    """

    def __init__(
        self, sns: SNSClient, table: Table, settings: Settings, log: Log, clock: Clock = time
    ) -> None:
        self._sns = sns
        self._table = table
        self._settings = settings
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._told_without_table: dict[str, float] = {}

    def tell(self, history: History) -> None:
        """Tell of a key at once, or count it for the end of the window.

        Raises:
            ClientError: if SNS refuses the message; BotoCoreError if it does not answer.
            EffectError: if the table is away, and another key was told already.
        """
        name = f"{NOTICE}/{history.state}/{history.reason}"
        try:
            first = self._count(name, history.key)
        except RetryableFailure:
            first = self._is_first_without_table(name)
            if not first:
                raise EffectError("the table that counts notices is away") from None
        if first:
            self._publish(history.state, history.reason, 1, self._details(history))

    def tell_due(self, deadline: float) -> None:
        """Tell of the keys whose windows have ended.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        now = self._clock.time()
        for entry in self._table.listed(NOTICE, now, MAX_SWEEP_NOTICES):
            if self._clock.monotonic() >= deadline:
                return
            self._end(entry.key, now)

    def _count(self, name: str, key: str) -> bool:
        """Return whether a key is the first of its window; count it if it is not.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        now = self._clock.time()
        for _ in range(_MAX_TRIES):
            try:
                self._update(
                    name,
                    {**_window(now), _WAITING: _number(0), _KEYS: {"L": []}},
                    f"attribute_not_exists(#{_UNTIL}) OR (#{_UNTIL} <= :now AND"
                    f" #{_WAITING} = :none)",
                    {":now": _moment(now), ":none": _number(0)},
                    used=(_UNTIL, _WAITING),
                )
            except ConditionFailedError as error:
                waiting = _int(error.found, _WAITING)
            else:
                return True
            try:
                self._add(name, key, with_key=waiting < _MAX_KEYS)
            except ConditionFailedError:
                continue  # the window has ended meanwhile
            return False
        raise RetryableFailure("in-progress", "other invocations count this notice")

    def _add(self, name: str, key: str, *, with_key: bool) -> None:
        names = {f"#{_UNTIL}": _UNTIL, f"#{_WAITING}": _WAITING}
        values: dict[str, Any] = {":one": _number(1)}
        expression = f"SET #{_WAITING} = #{_WAITING} + :one"
        if with_key:
            names[f"#{_KEYS}"] = _KEYS
            values[":keys"] = {"L": [{"S": key}]}
            expression += f", #{_KEYS} = list_append(#{_KEYS}, :keys)"
        self._table.call(
            "update_item",
            Key={KEY: {"S": name}},
            UpdateExpression=expression,
            ConditionExpression=f"attribute_exists(#{_UNTIL})",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )

    def _end(self, name: str, now: float) -> None:
        """End a window: begin the next one, and tell of the keys of this one."""
        item = self._table.get(name)
        until = _int(item, _UNTIL)
        if item is None or until > now * _MILLISECONDS:
            return
        waiting, unsent = _int(item, _WAITING), _int(item, _UNSENT)
        same = f"#{_UNTIL} = :read_until AND #{_WAITING} = :read_waiting"
        found = {":read_until": _number(until), ":read_waiting": _number(waiting)}
        used = (_UNTIL, _WAITING)
        if not waiting and not unsent:
            dropped = (_UNTIL, _WAITING, _KEYS, LISTED, LISTED_AT)
            self._try_update(name, {}, same, found, used=used, dropped=dropped)
            return
        keys = [*_texts(item, _UNSENT_KEYS), *_texts(item, _KEYS)][:_MAX_KEYS]
        count = waiting + unsent
        values = {
            **_window(now),
            _WAITING: _number(0),
            _KEYS: {"L": []},
            _UNSENT: _number(count),
            _UNSENT_KEYS: {"L": [{"S": key} for key in keys]},
        }
        if not self._try_update(name, values, same, found, used=used):
            return  # another sweep does it, or it is counted the next time
        _, state, reason = name.split("/", 2)
        try:
            details = {"keys": keys, **(self._command(keys[0]) if keys else {})}
            self._publish(State(state), reason, count, details)
        except (ClientError, BotoCoreError) as error:
            # It is told with the keys of the next window.
            self._log.error("notice not published", reason=reason, cause=type(error).__name__)
            return
        self._try_update(
            name,
            {},
            f"#{_UNSENT} = :count",
            {":count": _number(count)},
            used=(_UNSENT,),
            dropped=(_UNSENT, _UNSENT_KEYS),
        )

    def _try_update(self, name: str, values: dict[str, Any], *args: Any, **more: Any) -> bool:  # noqa: ANN401 - as `_update`
        try:
            self._update(name, values, *args, **more)
        except ConditionFailedError:
            return False
        return True

    def _update(  # noqa: PLR0913 - the parts of one expression
        self,
        name: str,
        values: dict[str, Any],
        condition: str,
        found: dict[str, Any],
        *,
        used: tuple[str, ...],
        dropped: tuple[str, ...] = (),
    ) -> None:
        parts = []
        if values:
            parts.append("SET " + ", ".join(f"#{one} = :{one}" for one in values))
        if dropped:
            parts.append("REMOVE " + ", ".join(f"#{one}" for one in dropped))
        self._table.call(
            "update_item",
            Key={KEY: {"S": name}},
            UpdateExpression=" ".join(parts),
            ConditionExpression=condition,
            ExpressionAttributeNames={f"#{one}": one for one in (*values, *dropped, *used)},
            ExpressionAttributeValues={
                **{f":{one}": value for one, value in values.items()},
                **found,
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _is_first_without_table(self, name: str) -> bool:
        with self._lock:
            now = self._clock.monotonic()
            last = self._told_without_table.get(name)
            if last is not None and now - last < NOTICE_WINDOW_SECONDS:
                return False
            self._told_without_table[name] = now
            return True

    def _details(self, history: History) -> dict[str, Any]:
        found: dict[str, Any] = {"key": history.key, **self._command(history.key)}
        if history.rejection is not None and history.asked is None:
            found["messageId"] = history.rejection.message_id
        if history.exit_code is not None:
            found["exitCode"] = history.exit_code
        links = None
        if history.runs:
            links = console_links(history.runs[-1].arn, history.runs[-1].cluster)
        return {**found, **({} if links is None else {"task": links.task, "log": links.log})}

    def _command(self, key: str) -> dict[str, str]:
        return {"command": f"runtask status {key} --stage {self._settings.stage}"}

    def _publish(self, state: State, reason: str, count: int, details: dict[str, Any]) -> None:
        stage = self._settings.stage
        explanation = explain(state, reason)
        notice = {
            "stage": stage,
            "state": str(state),
            "reason": reason,
            "count": count,
            "what": explanation.words,
            "cause": explanation.cause,
            "cure": explanation.cure,
            **details,
        }
        messages = "message" if count == 1 else f"{count} messages"
        why = f", {reason}" if reason else ""
        self._sns.publish(
            TopicArn=self._settings.failure_topic_arn,
            Subject=f"ecs-run-task {stage}: {messages} {state}{why}"[:MAX_SUBJECT_LENGTH],
            Message=json.dumps(notice, indent=2),
        )


def _window(now: float) -> dict[str, Any]:
    """Return the attributes of a window that begins now."""
    until = _moment(now + NOTICE_WINDOW_SECONDS)
    return {
        _UNTIL: until,
        LISTED: {"S": NOTICE},
        LISTED_AT: until,
        EXPIRES: _number(int(now + NOTICE_KEPT_SECONDS)),
    }


def _moment(at: float) -> dict[str, str]:
    return _number(round(at * _MILLISECONDS))


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _int(item: Any, name: str) -> int:  # noqa: ANN401 - an item as boto3 has it
    return int((item or {}).get(name, {"N": "0"})["N"])


def _texts(item: Any, name: str) -> list[str]:  # noqa: ANN401 - an item as boto3 has it
    return [value["S"] for value in item.get(name, {"L": []})["L"]]
