# SPDX-License-Identifier: BSD-2-Clause
"""Builds the client in Rust, which needs no network: Debian's packages bring the crates."""

import os
import shutil
import subprocess

from programs_events import BUILT, CLIENTS
from topology import environment, find_command

CRATES = "/usr/share/cargo/registry"


def build_tokio() -> None:
    """Makes BUILT/echo_tokio; where cargo or the crates are missing it stays away, and cargo.log says why."""
    if find_command("cargo") is None:
        return
    # cargo writes beside Cargo.toml, so the sources are copied.
    source = BUILT / "tokio"
    shutil.copytree(CLIENTS / "tokio", source, dirs_exist_ok=True)
    with open(BUILT / "cargo.log", "wb") as log:
        built = subprocess.run(
            [find_command("cargo"), "build", "--offline", "--config", 'source.crates-io.replace-with="debian"',
             "--config", f'source.debian.directory="{CRATES}"'],
            cwd=source, env=environment(), stdout=log, stderr=log, check=False)
    if built.returncode == 0:
        (BUILT / "echo_tokio").unlink(missing_ok=True)
        os.link(source / "target" / "debug" / "echo_tokio", BUILT / "echo_tokio")
