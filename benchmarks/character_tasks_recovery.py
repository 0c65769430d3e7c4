"""A thousand simulated studies per world: is the truth inside the interval as often as it should?

Writes `character_tasks_recovery.json` beside itself; the tests hold those numbers to 93 to 97%.
"""

import json
from dataclasses import asdict
from pathlib import Path

from workbench.character_tasks.analysis.simulation import World, recover

WORLDS = [
    ("no token effect under strong confounding", World(), {}, True),
    ("a token effect of -0.3 log-odds", World(token_effect=-0.3), {}, True),
    ("a token effect of +0.2 log-odds", World(token_effect=0.2), {}, True),
    ("words asked three times, errors clustered", World(words=1500, repeats=3), {}, True),
    ("reliability 0.8, allowed for", World(reliability=0.8), {"supposed_reliability": 0.8}, True),
    ("reliability 0.9, allowed for", World(reliability=0.9), {"supposed_reliability": 0.9}, True),
    ("a jump, a level for each length", World(step=-1.0), {"smooth_length": False}, True),
    ("frequency measured at reliability 0.9", World(reliability=0.9), {}, False),
    ("frequency measured at reliability 0.8", World(reliability=0.8), {}, False),
    ("a jump that is not smooth", World(step=-1.0), {}, False),
    ("words asked three times, taken for independent", World(words=1500, repeats=3),
     {"by_word": False}, False),
]  # fmt: skip


def main() -> None:
    rows = []
    print(f"{'world':50} covered  points  mean     truth  zero excluded")
    for name, world, arguments, should in WORLDS:
        found = recover(world, 1000, **arguments)
        rows.append(
            {"name": name, "should_cover": should, "world": asdict(world), "analysis": arguments}
            | {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(found).items()}
        )
        print(
            f"{name:50} {found.covered:7.3f} {found.covered_points:7.3f} {found.mean:8.4f} "
            f"{found.truth:6.2f} {found.false_alarms:8.3f}",
            flush=True,
        )
    target = Path(__file__).with_suffix(".json")
    told = {"seed": 7, "made_by": "python benchmarks/character_tasks_recovery.py", "results": rows}
    target.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
