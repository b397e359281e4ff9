"""From one schema class: what a create or a change may contain, and what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import PydanticUndefined

from httpapi.errors import Errors
from httpapi.kinds import READ_ONLY, WRITE_ONLY, Kind


class Schema(BaseModel):
    """The fields of one resource, each ``Annotated[type, kind, …markers]``. A field without default is required on
    create; read-only ones are never read from it."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Spec:
    """One field, as the rest of the layer reads it."""

    name: str
    kind: Kind
    required: bool
    default: Any
    nullable: bool
    read_only: bool
    write_only: bool


def specs(schema: type[Schema]) -> dict[str, Spec]:
    """The fields in the order of the class."""
    found: dict[str, Spec] = {}
    for name, info in schema.model_fields.items():
        kind = next(item for item in info.metadata if isinstance(item, Kind))
        default = info.get_default(call_default_factory=True)
        found[name] = Spec(
            name=name,
            kind=kind,
            required=info.is_required(),
            default=None if default is PydanticUndefined else default,
            nullable=type(None) in getattr(info.annotation, "__args__", ()),
            read_only=READ_ONLY in info.metadata,
            write_only=WRITE_ONLY in info.metadata,
        )
    return found


class Reader:
    """Validates bodies for one schema."""

    def __init__(self, schema: type[Schema]) -> None:
        self.specs = specs(schema)
        writable = {name: spec for name, spec in self.specs.items() if not spec.read_only}
        annotations = {name: schema.model_fields[name] for name in writable}

        def build(suffix: str, required: bool) -> type[BaseModel]:
            fields: dict[str, Any] = {}
            for name, info in annotations.items():
                kept = Annotated[info.annotation, writable[name].kind]  # type: ignore[name-defined]
                fields[name] = (kept, ... if required and writable[name].required else None)
            return cast(type[BaseModel], create_model(schema.__name__ + suffix, __base__=Schema, **fields))

        self._whole = build("Whole", True)
        self._partial = build("Partial", False)
        self._writable = tuple(writable)

    def read(self, body: Mapping[str, Any], errors: Errors, *, partial: bool) -> dict[str, Any]:
        """The valid ones among the given fields, as Python values; what is wrong with the others goes to ``errors``."""
        model = self._partial if partial else self._whole
        given = dict(body)
        while True:
            try:
                parsed = model.model_validate(given)
            except ValidationError as exc:
                if not self._report(exc, errors, given):
                    return {}
                model = self._partial  # the rest is still worth reading: it may have faults of its own
                continue
            return {name: getattr(parsed, name) for name in parsed.model_fields_set}

    def _report(self, exc: ValidationError, errors: Errors, given: dict[str, Any]) -> bool:
        """Tell every fault, take the faulty fields out. False when nothing was taken out."""
        for fault in exc.errors(include_url=False, include_input=False):
            name = str(fault["loc"][0]) if fault["loc"] else "detail"
            given.pop(name, None)
            if fault["type"] == "missing":
                errors.add(name, "is required")
            elif fault["type"] == "extra_forbidden":
                if name in self.specs:
                    errors.add(name, "is read-only: leave it out")
                else:
                    errors.add(name[:100], f"no such field: this resource takes {', '.join(self._writable)}")
            else:
                cause = fault.get("ctx", {}).get("error")
                errors.add(name, str(cause) if cause else fault["msg"])
        return True
