"""What users read about plugins is written where the plugin is."""

import pytest
from pydantic import BaseModel
from tollhouse.dataplane import registry

PLUGINS = sorted(registry.plugin_classes().items())


def fields_without_sentence(model: type[BaseModel], seen: set[type]) -> list[str]:
    """Names of fields nobody explains, in a model and the models inside it."""
    if model in seen:
        return []
    seen.add(model)
    silent = [f"{model.__name__}.{name}" for name, field in model.model_fields.items() if not field.description]
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            silent += fields_without_sentence(inner, seen)
    return silent


def models_in(annotation: object) -> list[type[BaseModel]]:
    """The models an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_in(part)]


@pytest.mark.parametrize(("name", "cls"), PLUGINS, ids=[name for name, _ in PLUGINS])
def test_each_plugin_and_field_has_its_sentence(name: str, cls: type) -> None:
    """The class says what it does, each field what it means."""
    assert cls.__doc__, f"{name} has no docstring"
    models = [cls.Config, cls.ConsumerConfig, cls.Metadata]  # type: ignore[attr-defined]
    assert [one for model in models if model for one in fields_without_sentence(model, set())] == []
