"""The laboratory as a provider of Inspect: `--model laboratory/bpe-4k`, with no key and no network.

The entry point `inspect_ai` in pyproject.toml leads here.
"""

from __future__ import annotations

from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

from workbench.laboratory.models import load_model


class LaboratoryAPI(ModelAPI):
    """A trained model of the laboratory, by the name of its arm.

    Args:
        model_name: An arm, such as `bpe-4k`.
        base_url: Not used.
        api_key: Not used.
        config: Not used: the answer is the likeliest number.
        seed: Of the model.
        folder: Where models lie; by default the shipped ones.

    Raises:
        LaboratoryError: If there is no such model.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - the signature that Inspect calls
        seed: int = 0,
        folder: str | None = None,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self.reader = load_model(model_name, seed, folder)

    async def generate(
        self,
        input: list[ChatMessage],  # noqa: A002 - Inspect's name
        tools: list[ToolInfo],  # noqa: ARG002 - a number needs no tool
        tool_choice: ToolChoice,  # noqa: ARG002 - the same
        config: GenerateConfig,  # noqa: ARG002 - the likeliest number is the answer
    ) -> ModelOutput:
        """Answer one of CharBench's questions.

        Raises:
            LaboratoryError: If it is none; Inspect then counts the sample as failed.
        """
        messages: list[dict[str, Any]] = [{"content": input[-1].text}]
        return ModelOutput.from_content(self.reader.name, self.reader(messages))


@modelapi(name="laboratory")
def laboratory() -> type[ModelAPI]:
    """Register the provider."""
    return LaboratoryAPI
