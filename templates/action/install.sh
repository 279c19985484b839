#!/usr/bin/env bash
# Installs the gate into an environment of its own below the runner's temporary folder. Nothing in
# the workspace is looked at: not its pip.conf, not its modules, not its git configuration.
set -euo pipefail

home=$ITIL_GATE_ACTION_HOME
place=${RUNNER_TEMP:?is set by the runner}/itil-gate-env
python=$(command -v "${ITIL_GATE_ACTION_PYTHON:-python3}") || {
  echo "::error title=itil-gate::There is no ${ITIL_GATE_ACTION_PYTHON:-python3} on this runner; set the input python."
  exit 2
}

cd "$RUNNER_TEMP"
"$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "::error title=itil-gate::The gate needs Python 3.11 or newer; set the input python."
  exit 2
}
# A second use in the same job is ready, unless it is another version of the action.
version=$("$python" -I "$home/templates/action/version.py" "$home")
if [[ -f $place/.complete && $(<"$place/.complete") == "$version" ]]; then exit 0; fi
rm -rf "$place"
# A clean set of variables: no PIP_*, PYTHON*, UV_* or GIT_* of an earlier step has a say. Proxies,
# certificates and an index that the runner's owner chose for everybody are kept.
clean=(env -i "PATH=$PATH" "HOME=$place" "PIP_CONFIG_FILE=${ITIL_GATE_PIP_CONFIG:-/dev/null}")
for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy SSL_CERT_FILE \
  REQUESTS_CA_BUNDLE PIP_INDEX_URL PIP_CERT PIP_TRUSTED_HOST; do
  if [[ -n ${!name:-} ]]; then clean+=("$name=${!name}"); fi
done
"${clean[@]}" "$python" -I -m venv "$place"
pip=("${clean[@]}" "$place/bin/python" -I -m pip --disable-pip-version-check --no-input install --quiet)
"${pip[@]}" --require-hashes --only-binary :all: --requirement "$home/templates/action/requirements.txt"
# The gate itself is the files of this action, whose commit the workflow pins.
packages=$("$place/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir -p "$packages/itil_gate/_shipped"
cp -R "$home/itil_gate" "$packages/"
cp -R "$home/policies" "$home/schemas" "$packages/itil_gate/_shipped/"
printf '%s\n' "$version" >"$place/.complete"
