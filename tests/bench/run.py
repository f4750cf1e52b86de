# SPDX-License-Identifier: BSD-2-Clause
"""run.py BUILD_DIR [--quick] [--json FILE] [WORD...]: socksify beside its peers. Started by run.sh."""

import argparse
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
from compare import rows_counted, rows_names, rows_process, rows_streams  # noqa: E402
from compare.cell import fill  # noqa: E402
from compare.table import Table  # noqa: E402
from compare.world import World  # noqa: E402

RUN_SECONDS = 530.0  # No cell begins after that.
ROWS = [*rows_process.ROWS, *rows_streams.ROWS, *rows_counted.ROWS, *rows_names.ROWS]


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.sh", description="socksify beside its peers, measured in one run")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="one round of each row")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="all samples, as JSON")
    parser.add_argument("words", nargs="*", metavar="WORD", help="only rows whose name holds one of them")
    options = parser.parse_intermixed_args()
    deadline = time.monotonic() + RUN_SECONDS
    world = World(options.build)
    table = Table([peer.name for peer in world.peers])
    for row in ROWS:
        if options.words and not any(word in row.name for word in options.words):
            continue
        began = time.monotonic()
        table.rows.append(fill(row, world, 1 if options.quick else row.rounds, deadline))
        print(f"{row.name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    table.load.append(os.getloadavg()[0])
    print(table.text())
    print(f"\n{table.footing()}")
    if options.json:
        table.write_json(options.json)
    return 0


sys.exit(main())
