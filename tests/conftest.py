"""What every test may ask for."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def oracles() -> Path:
    """The folder of published data; a test that asks for it is skipped where it is absent."""
    folder = ROOT.parent / "shared" / "oracles"
    if not folder.is_dir():
        pytest.skip(f"published data not found at {folder}: it is not part of the project")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT
