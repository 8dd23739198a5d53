"""Requests against the rules that the contract states (`buf.validate` in protos/)."""

import protovalidate
from google.protobuf.message import Message

from prover.errors import InputError

_MOST_VIOLATIONS = 16


def validate(request: Message) -> None:
    """Raise InputError, which names each field that breaks a rule, unless the request keeps them all."""
    violations = [
        (_path(violation), violation.proto.message or f"breaks the rule {violation.proto.rule_id}")
        for violation in protovalidate.collect_violations(request)[:_MOST_VIOLATIONS]
    ]
    if violations:
        field, text = violations[0]
        raise InputError(field, f"{field}: {text}", tuple(violations))


def _path(violation: protovalidate.Violation) -> str:
    """As in `options.budget.samples` or `items[3].id`."""
    steps = []
    for element in violation.proto.field.elements if violation.proto.field else ():
        index = element.subscript
        steps.append(element.field_name + (f"[{index.value}]" if index is not None else ""))
    return ".".join(steps) or "request"
