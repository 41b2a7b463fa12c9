#!/bin/sh
# Makes the volume of the compiled CPython in /opt/backend.ai:
#
#   make_volume.sh CONTEXT [GROUP ...]
#
# CONTEXT is a folder with the recipe's scripts, requirements.txt,
# leave-out.toml, wheels/, licenses/ and perhaps ttyd_linux.*.bin; the groups of
# leave-out.toml named after it are kept. The volume's own interpreter runs the
# scripts.
set -eu

context=$1
shift
root=/opt/backend.ai
site_packages=$(echo "$root"/lib/python3.*/site-packages)
# A set's order in a .pyc depends on the hash seed, and so would pip's files.
export PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
python() { "$root/bin/python3" -s "$@"; }

python -m pip install --no-index --find-links "$context/wheels" \
  --no-compile --no-cache-dir --disable-pip-version-check \
  --no-warn-script-location --root-user-action ignore \
  --requirement "$context/requirements.txt"
python -m pip check --disable-pip-version-check

# bin/python, which the agent runs, keeps PYTHONHOME and PYTHONPATH out.
# bin/python3 stays the plain interpreter: the scripts below set PYTHONHASHSEED.
# shellcheck disable=SC2086 # one word a flag
gcc -std=gnu11 -Wall -Werror -O2 -s ${LAUNCHER_FLAGS:-} \
  "-DINTERPRETER=\"$(readlink "$root/bin/python3")\"" \
  -o "$root/bin/.launcher" "$context/launcher.c"
mv "$root/bin/.launcher" "$root/bin/python"

# Before bundling, for what is left out need not be linked; pip goes here.
python "$context/leave_out.py" "$root" "$context/leave-out.toml" "$@"
python "$context/bundle_libs.py" "$root" lib/krunner "$root/licenses"
python "$context/licenses.py" "$site_packages" "$root/licenses"
cp -R "$context/licenses/." "$root/licenses/"
python "$context/refresh_records.py" "$site_packages"

# The agent mounts its own code on these two.
mkdir -p "$site_packages/ai/backend/kernel" "$site_packages/ai/backend/helpers"

for ttyd in "$context"/ttyd_linux.*.bin; do
  if [ -e "$ttyd" ]; then
    install -m 755 "$ttyd" "$root/bin/ttyd"
  else
    echo "Notice: no ttyd binary in the package directory: none in bin" >&2
  fi
done

# Last, over exactly the files that remain. The mount is read-only and its time
# stamps are the archive's: only unchecked .pyc files are used without a doubt.
# In one process, in the order of names: what a .pyc says of shared objects
# depends on what was compiled before it. The files excluded are test data that
# is wrong on purpose (there if the group `tests` is kept).
find "$root/lib" -name __pycache__ -prune -exec rm -rf {} +
python -m compileall -q -f --invalidation-mode unchecked-hash \
  -x 'bad_coding|badsyntax|lib2to3/tests/data' "$root/lib"
