"""Run the benchmarks and keep their table: `make bench`.

Each script beside this one (`counting.py`, `character_tasks.py`, …) has a `main()` that prints its
measurements. Each runs in a fresh process, so that no warm cache of one helps another; what they
print is shown, and kept in `README.md` with a description of the machine.

    python benchmarks/run.py                 all of them but those in BY_NAME
    python benchmarks/run.py counting        one of them; its part of the table is replaced
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
README = HERE / "README.md"
SHOWN = ("tokenizers", "tiktoken", "sentencepiece", "gigatoken", "polars", "pandas", "numpy")

# It takes long and rewrites numbers that the tests read: it runs when it is asked for.
BY_NAME = {"character_tasks_recovery"}

HEAD = """# Benchmarks

`make bench` runs the scripts in this folder, each in a fresh process, and writes this page. The
numbers are those of the machine named under each heading; run it on yours before you quote them.
"""


def machine() -> str:
    """The machine and the versions, in one paragraph."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text("utf-8"), re.MULTILINE)
        model = found.group(1) if found else model
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        memory = f", {size:.0f} GiB of memory"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    today = dt.datetime.now(dt.UTC).date().isoformat()
    versions = ", ".join(f"{name} {version(name)}" for name in SHOWN)
    return (
        f"{today}, {model}, {cores} cores{memory}, {platform.system()}, "
        f"Python {platform.python_version()}; {versions}."
    )


def scripts() -> dict[str, Path]:
    """The benchmarks by name."""
    return {
        path.stem: path
        for path in sorted(HERE.glob("*.py"))
        if path != Path(__file__).resolve() and not path.stem.startswith("_")
    }


def run(path: Path) -> tuple[int, str]:
    """Run one script, showing what it prints as it comes."""
    with subprocess.Popen(
        [sys.executable, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        lines = []
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines).strip()


def title(path: Path) -> str:
    """The first line of a script's docstring, which becomes its heading."""
    found = re.search(r'"""(.+?)(?:\n|""")', path.read_text("utf-8"))
    return found.group(1).strip().rstrip(".") if found else path.stem


def sections() -> dict[str, str]:
    """The parts of the page as they are, by the script that wrote them."""
    if not README.is_file():
        return {}
    parts = re.split(r"<!-- ([\w-]+) -->\n", README.read_text("utf-8"))
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; 1 where one failed."""
    known = scripts()
    if unknown := [name for name in names if name not in known]:
        print(f"there is no benchmark {', '.join(unknown)}: there are {', '.join(known)}")
        return 2
    kept = {name: text for name, text in sections().items() if name in known}
    failed = []
    for name in names or sorted(known.keys() - BY_NAME):
        heading = f"## {title(known[name])}"
        print(f"\n{heading}\n", flush=True)
        status, said = run(known[name])
        if status:
            failed.append(name)
            print(f"{name} failed with status {status}; its part of the page stays as it was")
        else:
            block = said if "|---" in said else f"```\n{said}\n```"
            kept[name] = f"{heading}\n\n{machine()}\n\n{block}"
    body = "\n\n".join(f"<!-- {name} -->\n{kept[name]}" for name in known if name in kept)
    README.write_text(f"{HEAD}\n{body}\n", "utf-8")
    print(f"\nWritten to {README.relative_to(ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
