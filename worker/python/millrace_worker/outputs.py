"""Outputs of handlers as JSON, and where in one is what cannot be."""

import enum
import math

from .frames import encode

_HINTS = {
    "bytes": "decode it, or base64.b64encode(…).decode()",
    "bytearray": "decode it, or base64.b64encode(…).decode()",
    "memoryview": "base64.b64encode(…).decode()",
    "set": "list(…)",
    "frozenset": "list(…)",
    "dict_keys": "list(…)",
    "dict_values": "list(…)",
    "generator": "list(…)",
    "map": "list(…)",
    "complex": "a list of two numbers",
    "datetime": ".isoformat()",
    "date": ".isoformat()",
    "time": ".isoformat()",
    "timedelta": ".total_seconds()",
    "Decimal": "str(…) or float(…)",
    "UUID": "str(…)",
    "mappingproxy": "dict(…)",
}
_NAME_SHOWN_MAX = 40


def encode_output(output):
    """The output as JSON, as bytes. Numbers and arrays of numpy, torch and their like become
    numbers and lists. ValueError, saying where and why, for what JSON cannot hold."""
    try:
        return encode(output, default=_plain)
    except Exception as error:  # Of json, or of an object that was asked for its list.
        wrong = _place_of(output) or f"the output cannot be written as JSON: {type(error).__name__}"
        raise ValueError(wrong) from error


def _plain(value):
    if not isinstance(value, type) and callable(getattr(value, "tolist", None)):
        plain = value.tolist()
        if type(plain) is not type(value):
            return plain
    raise TypeError(f"{type(value).__name__} is not JSON")


def _hint(value):
    try:
        return _known_hint(value)
    except Exception:  # An object that fails whatever it is asked for.
        return None


def _known_hint(value):
    if isinstance(value, type):
        return "its name"
    if hasattr(value, "model_dump"):
        return ".model_dump(mode=\"json\")"
    if isinstance(value, enum.Enum):
        return ".value"
    if hasattr(type(value), "__fields__") and hasattr(value, "dict"):
        return ".dict()"
    if hasattr(type(value), "__dataclass_fields__"):
        return "dataclasses.asdict(…)"
    if hasattr(value, "__fspath__"):
        return "str(…)"
    if hasattr(value, "to_dict"):
        return ".to_dict()"
    return _HINTS.get(type(value).__name__)


def _place_of(output):
    """What is wrong with it, or None."""
    try:
        return _search(output, "the output", set())
    except RecursionError:
        return "the output is nested too deeply"
    except Exception:
        return None


def _search(value, place, above):
    if value is None or isinstance(value, (str, bool)):
        return None
    if isinstance(value, float):
        if math.isfinite(value):
            return None
        return f"{place} is {value}, which JSON cannot express: give None, or a string"
    if isinstance(value, int):
        return None
    if isinstance(value, (dict, list, tuple)):
        return _search_inside(value, place, above)
    try:
        plain = _plain(value)
    except Exception:
        hint = _hint(value)
        return (f"{place} is of type {_type_name(value)}, which JSON cannot hold"
                + (f": {hint} can be" if hint else ""))
    return _search(plain, place, above)


def _search_inside(value, place, above):
    if id(value) in above:
        return f"{place} contains itself"
    above.add(id(value))
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(value, dict):
            if not (key is None or isinstance(key, (str, int, float, bool))):
                return f"{place} has a key of type {_type_name(key)}: it must be a string"
            if isinstance(key, float) and not math.isfinite(key):
                return f"{place} has the key {key}: it must be a string"
        where = f".{str(key)[:_NAME_SHOWN_MAX]}" if isinstance(value, dict) else f"[{key}]"
        wrong = _search(inner, place + where, above)
        if wrong is not None:
            return wrong
    above.discard(id(value))
    return None


def _type_name(value):
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
