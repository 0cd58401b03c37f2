"""Talks to a running server as agno's own Python client does: python agno_client.py URL [KEY]

The components are those of client-lab.ts. Prints a line of JSON for each check, and ends with 1 if one of them fails.
Without a key the server is taken to be open; some checks need that, others the key.
"""

import asyncio
import sys

import check_components  # noqa: F401
import check_errors  # noqa: F401
import check_evaluations  # noqa: F401
import check_remotes  # noqa: F401
import check_runs  # noqa: F401
import check_sessions  # noqa: F401
import check_traces  # noqa: F401
from checks import run_checks

sys.exit(asyncio.run(run_checks()))
