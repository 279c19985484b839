#!/usr/bin/env bash
# Runs the gate from its own environment, isolated from the workspace. The exit code is the gate's.
set -euo pipefail
cd "${RUNNER_TEMP:?is set by the runner}"
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
exec "$RUNNER_TEMP/itil-gate-env/bin/python" -I -m itil_gate action
