"""The charts' JavaScript, built once and kept: vl-convert takes seconds to put it together."""

from __future__ import annotations

import importlib.metadata
import os
import re
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """Where the built script is kept between runs."""
    from platformdirs import user_cache_path

    return user_cache_path("tokenizer-workbench")


def vega_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that leaves ``window.vegaEmbed`` behind.

    It stands inside a function of its own, so its thousand short names meet nobody else's, and it
    can be put into a ``<script>`` element as it is.

    Returns:
        About 0.9 MB of JavaScript.
    """
    version = importlib.metadata.version("vl-convert-python")
    path = cache_folder() / f"vega-{version}-1.js"
    try:
        return path.read_text("utf-8")
    except OSError:
        pass
    import vl_convert

    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    text = "(() => {\n" + re.sub(r"</(script)", r"<\\/\1", script, flags=re.IGNORECASE) + "\n})();"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError:
        pass  # a cache that cannot be written costs seconds, not the report
    return text
