"""What every test may ask for."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case of many bytes by its argument: an archive's bytes hold the time of its making.

    The workers of one run must name every case alike, and they start at different seconds.
    """
    return argname if isinstance(val, bytes) and len(val) > 16 else None


@pytest.fixture(scope="session")
def defaults_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where reports on defaults lie: one folder for all workers of a run, so each is made once.

    Make them under its lock: who comes second then finds them made.
    """
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "reports-on-defaults"


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
