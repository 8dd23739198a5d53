"""Generates OpenAPI 3.1 from protobuf's descriptors, and a page that displays it."""

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import BaseModel

from buf.validate import validate_pb2
from service.contract.methods import METHODS
from service.handlers.handlers import summary
from service.http import kimina
from service.http.generate import GenerateRequest, GenerateResponse

Schema = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_DURATION: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["1.5s"]}
_WELL_KNOWN: Mapping[str, Schema] = {
    "google.protobuf.Duration": _DURATION,
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
}
_STREAM = "Server-sent events like this one; an `error` ends them."
_ERRORS = {
    "400": "The request is wrong: `details` name each field that is.",
    "401": "This server wants to know who calls, and does not.",
    "403": "The caller may not do that.",
    "404": "Not found.",
    "409": "Not in this server's state.",
    "413": "The request is too long.",
    "415": "The body is of another media type.",
    "429": "No room now, or the caller's quota is spent: see Retry-After.",
    "500": "The server failed.",
    "503": "Try again, here or elsewhere.",
    "504": "The time that the request allows was over: allow more, or ask for less.",
}
_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status", "details"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "message": {"type": "string", "description": "One sentence."},
                "status": {"type": "string", "description": "A name of google.rpc.Code."},
                "details": {"type": "array", "items": _WELL_KNOWN["google.protobuf.Any"]},
            },
        }
    },
}


def document(paths: Mapping[str, str]) -> Schema:
    """Return the OpenAPI document.

    Args:
        paths: paths of the methods, by name.
    """
    schemas: dict[str, Schema] = {"Error": _ERROR}
    generate = {
        kind: _described(one, schemas) for kind, one in (("request", GenerateRequest), ("response", GenerateResponse))
    }
    described: dict[str, Schema] = {
        "/generate": {
            "post": {
                "operationId": "Generate",
                "summary": "LeanCopilot's contract: tactics for a goal.",
                "requestBody": _content("application/json", generate["request"]),
                "responses": {"200": {"description": "OK", **_content("application/json", generate["response"])}}
                | _errors(),
            }
        },
        **{path: _kimina(path, _described(kind, schemas)) for path, kind in kimina.REQUESTS.items()},
        "/healthz": {"get": _health()},
    }
    for method in METHODS.values():
        sent = _content(
            "application/x-ndjson" if method.client_streaming else "application/json", _of(method.input_type, schemas)
        )
        message = _of(method.output_type, schemas)
        got = _content("application/json", message)
        if method.server_streaming:
            got = _content("text/event-stream", _events(method.output_type, message))
        described[paths[method.name]] = {
            "post": {
                "operationId": method.name,
                "summary": summary(method.name),
                "requestBody": {"required": True, **sent},
                "responses": {"200": {"description": _STREAM if method.server_streaming else "OK", **got}} | _errors(),
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "leansieve",
            "version": importlib.metadata.version("leansieve"),
            "description": "Proofs for Lean 4, each accepted by the kernel. protos/leansieve/v1 describes each field.",
        },
        "paths": described,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def page(described: Schema) -> str:
    """Return an HTML page for the document; it needs neither scripts nor external resources."""
    environment = Environment(
        loader=PackageLoader("service.http", "schema"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("openapi.html").render(document=described)


def _described(kind: type[BaseModel], schemas: dict[str, Schema]) -> Schema:
    """Return the schema of a model of another project's API; models inside it are added to `schemas`."""
    schema = kind.model_json_schema(ref_template=_SCHEMAS + "{model}")
    schemas |= schema.pop("$defs", {})
    return schema


def _kimina(path: str, request: Schema) -> Schema:
    results = {"type": "array", "items": {"type": "object"}, "description": "One for each file, in their order."}
    notes = {"type": "array", "items": {"type": "string"}, "description": "What of the request was ignored."}
    answer = {"type": "object", "required": ["results"], "properties": {"results": results, "notes": notes}}
    return {
        "post": {
            "operationId": path.strip("/").replace("/", "-"),
            "summary": "Kimina's contract: what Lean says of whole files, each with a verdict.",
            "requestBody": {"required": True, **_content("application/json", request)},
            "responses": {"200": {"description": "OK", **_content("application/json", answer)}} | _errors(),
        }
    }


def _errors() -> Schema:
    body = _content("application/json", _ref("Error"))
    found: dict[str, Schema] = {number: {"description": text, **body} for number, text in _ERRORS.items()}
    retry = {"description": "Seconds.", "schema": {"type": "integer"}}
    for number in ("429", "503"):
        found[number] |= {"headers": {"Retry-After": retry}}
    return found


def _health() -> Schema:
    body = {"type": "object", "required": ["serving"], "properties": {"serving": {"type": "boolean"}}}
    content = _content("application/json", body)
    return {
        "operationId": "Health",
        "summary": "Whether this server can prove.",
        "security": [],
        "responses": {
            "200": {"description": "It can.", **content},
            "503": {"description": "It starts, ends, or has no Lean.", **content},
        },
    }


def _events(kind: Descriptor, message: Schema) -> Schema:
    """Return the schema of a stream of messages as server-sent events: a text, with the schema of each event."""
    oneof = kind.oneofs_by_name.get("event")
    names = [field.name for field in oneof.fields] if oneof else ["message"]
    data = {"anyOf": [message, _ref("Error")]}
    event = {
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"type": "string", "enum": [*names, "error"]},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": data},
        },
    }
    return {"type": "string", "contentMediaType": "text/event-stream", "contentSchema": event}


def _content(media_type: str, schema: Schema) -> Schema:
    return {"content": {media_type: {"schema": schema}}}


def _ref(name: str) -> Schema:
    return {"$ref": _SCHEMAS + name}


def _of(message: Descriptor, schemas: dict[str, Schema]) -> Schema:
    """Return a reference to the schema of a message; it and messages inside it are added to `schemas`."""
    if message.full_name in _WELL_KNOWN:
        return dict(_WELL_KNOWN[message.full_name])
    if message.name not in schemas:
        schema: Schema = {"type": "object"}
        schemas[message.name] = schema  # before its fields, because a message may contain itself
        required = [field.json_name for field in message.fields if _rules(field).required]
        schema |= {
            "properties": {field.json_name: _field(field, schemas) for field in message.fields},
            "additionalProperties": False,
        }
        if required:
            schema["required"] = required
    return _ref(message.name)


def _field(field: FieldDescriptor, schemas: dict[str, Schema]) -> Schema:
    rules = _rules(field)
    if not field.is_repeated:
        return _single(field, schemas, rules)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {
            "type": "object",
            "additionalProperties": _single(field.message_type.fields_by_name["value"], schemas, rules),
        }
    many: Schema = {"type": "array", "items": _single(field, schemas, rules.repeated.items)}
    if rules.repeated.HasField("min_items"):
        many["minItems"] = rules.repeated.min_items
    if rules.repeated.HasField("max_items"):
        many["maxItems"] = rules.repeated.max_items
    return many


def _single(field: FieldDescriptor, schemas: dict[str, Schema], rules: validate_pb2.FieldRules) -> Schema:
    if field.message_type is not None:
        return _of(field.message_type, schemas)
    if field.enum_type is not None:
        return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_BOOL:
            return {"type": "boolean"}
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return {"type": "number"}
        case FieldDescriptor.CPPTYPE_INT64 | FieldDescriptor.CPPTYPE_UINT64:
            return {"type": "string", "pattern": "^-?[0-9]+$", "description": "An integer of 64 bits."}
        case FieldDescriptor.CPPTYPE_STRING:
            return _text(field, rules.string)
        case _:
            low, high = (rules.int32.gte if rules.int32.HasField("gte") else -(2**31)), 2**31 - 1
            return {"type": "integer", "minimum": low, "maximum": rules.int32.lte or high}


def _text(field: FieldDescriptor, rules: validate_pb2.StringRules) -> Schema:
    schema: Schema = {"type": "string"}
    if field.type == FieldDescriptor.TYPE_BYTES:
        schema["contentEncoding"] = "base64"
    if shortest := rules.min_len or min(1, rules.min_bytes):
        schema["minLength"] = shortest
    if longest := rules.max_len or rules.max_bytes:  # a text of so many bytes has at most as many characters
        schema["maxLength"] = longest
    if rules.pattern:
        schema["pattern"] = rules.pattern
    return schema


def _rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    return field.GetOptions().Extensions[validate_pb2.field]
