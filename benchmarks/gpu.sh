#!/usr/bin/env bash
# What there is to know of Equiglot on one CUDA card, in at most ten minutes and without a network: the tests marked
# gpu, then the benchmarks, the most important first. One that takes too long does not eat the time of the others.
#
#   benchmarks/gpu.sh                on a machine with a card
#   DEVICE=cpu benchmarks/gpu.sh     with tiny shapes on any machine, in a minute: whether the script works
#
#   PYTHON   a Python with PyTorch for the card; python3 if not given
#   OUT      where results go; benchmarks/results/gpu-<card> if not given
#   BUDGET   seconds for all of it; 580 if not given, some 900 for all that there is
#   WHEELS   a folder of wheels of what that Python lacks; wheels/ if not given. How to fill it: docs/contributing.md
#
# Exit code: 0 all is well; 1 a test failed; 2 it cannot run here; 3 something was not measured, or a test not run;
# 4 a goal was missed.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
DEVICE=${DEVICE:-cuda}
PYTHON=${PYTHON:-python3}
BUDGET=${BUDGET:-580}
WHEELS=${WHEELS:-wheels}
SECONDS=0

say() { echo "[${SECONDS} s] $*"; }
refuse() { echo "gpu.sh: $*" >&2; exit 2; }

# step LIMIT FILE COMMAND...: runs a command for LIMIT seconds at most, and no longer than the budget; its output goes to
# the screen and to the end of FILE. The command's exit code; 124 if it took too long, 125 if there was no time for it.
step() {
  local limit=$1 file=$2 left=$((BUDGET - SECONDS))
  shift 2
  if ((left < limit)); then limit=$left; fi
  say "$* (at most $limit s)" | tee -a "$file"
  if ((limit < 10)); then say "no time is left for it" | tee -a "$file"; return 125; fi
  timeout -k 5 "$limit" "$@" 2>&1 | tee -a "$file"
  local code=${PIPESTATUS[0]}
  if ((code)); then say "exit code $code" | tee -a "$file"; fi
  return "$code"
}

command -v "$PYTHON" >/dev/null || refuse "there is no $PYTHON; say PYTHON=/path/to/python"
"$PYTHON" -c "import torch" || refuse "$PYTHON has no PyTorch; say PYTHON=/path/to/one that has"
card=none
if [[ $DEVICE == cuda ]]; then
  card=$("$PYTHON" -c "import torch; print(torch.cuda.get_device_name())") || refuse "PyTorch sees no card: DEVICE=cpu tries the script"
fi
card=$(tr -cs '[:alnum:]' - <<<"${card,,}" | sed 's/^-*//; s/-*$//')
OUT=${OUT:-benchmarks/results/gpu-$card}
mkdir -p "$OUT" || refuse "$OUT cannot be written to"
rm -f "$OUT"/{environment,tests,benchmarks,profile,summary}.txt "$OUT"/speed-*

# What Python lacks goes to a folder of its own: nothing that is installed is changed. Code is read from here; what says
# which version it is stands there.
SITE=$(mktemp -d)
trap 'rm -rf "$SITE"' EXIT
if compgen -G "$WHEELS/*.whl" >/dev/null; then
  mapfile -t names < <(for each in "$WHEELS"/*.whl; do each=${each##*/}; echo "${each%%-*}"; done | sort -u)
  "$PYTHON" -m pip --disable-pip-version-check install --root-user-action ignore --quiet --no-index --no-deps \
    --find-links "$WHEELS" --target "$SITE" "${names[@]}" || refuse "the wheels in $WHEELS do not fit $PYTHON"
fi
mkdir -p "$SITE/equiglot-0.dist-info"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml | head -1)
printf 'Metadata-Version: 2.1\nName: equiglot\nVersion: %s\n' "$version" >"$SITE/equiglot-0.dist-info/METADATA"
export PYTHONPATH="$PWD:$SITE" PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
export CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-0}"

{
  date -u
  if command -v nvidia-smi >/dev/null; then nvidia-smi; fi
  "$PYTHON" - <<'END'
import platform, torch, transformers, benchmarks.speed.__main__
print("Python", platform.python_version(), "PyTorch", torch.__version__, "CUDA", torch.version.cuda)
print("transformers", transformers.__version__, "cores", torch.get_num_threads())
if torch.cuda.is_available():
    print(torch.cuda.get_device_properties(0), "cuDNN", torch.backends.cudnn.version())
END
} >"$OUT/environment.txt" 2>&1
code=$?
cat "$OUT/environment.txt"
((code == 0)) || refuse "$PYTHON lacks what the last line names: put its wheel into $WHEELS/ (docs/contributing.md)"

worst=0
note() { if ((worst == 0 || ($1 && $1 < worst))); then worst=$1; fi; }  # of several codes the least: a failed test first

if [[ $DEVICE == cuda ]]; then
  marked=(-m gpu) model=paper1 seconds=8  # half of it before, for the choice of kernels for each new shape
  first=("ours, no dropout" "trainer at its best" "ours, distilling" "plain distillation")
else
  marked=(-k "cpu and batch_is_the_same") model=tiny seconds=0.2
  first=("ours, no dropout" "trainer at its best")
fi
mapfile -t tests < <(grep -rl 'mark\.gpu' tests --include='test_*.py')
step 100 "$OUT/tests.txt" "$PYTHON" -m pytest -q -p no:cacheprovider -o minversion=1 "${marked[@]}" "${tests[@]}"
code=$?
if ((code == 124 || code == 125)); then note 3; elif ((code)); then note 1; fi

# LIMIT MODEL EACH CONTESTANT...: measures some, EACH seconds for each.
measure() {
  local limit=$1 model=$2 each=$3
  shift 3
  step "$limit" "$OUT/benchmarks.txt" "$PYTHON" -m benchmarks.speed --device "$DEVICE" --models "$model" --rounds 1 \
    --seconds "$seconds" --limit "$each" --into "$OUT" --contestants "$@" || note 3
}

# A process begins in up to half a minute where files are read from far away.
measure 260 "$model" 100 "${first[@]}"
step 60 "$OUT/profile.txt" "$PYTHON" -m benchmarks.speed.profile "$model" "$DEVICE" || note 3
if [[ $DEVICE == cuda ]]; then
  measure 130 paper1 120 "trainer at its best, compiled"
  measure 100 paper1 50 "ours, labelling" "plain labelling"
  measure 260 wide 100 "${first[@]}"
  measure 130 paper1-large 65 "ours, no dropout" "ours, compiled"
fi

{
  cat "$OUT/environment.txt"
  echo "Tests:"
  tail -n 3 "$OUT/tests.txt"
  echo "Benchmarks:"
  "$PYTHON" -m benchmarks.speed.report "$OUT"/speed-*.json
} >"$OUT/summary.txt" 2>&1
note $?
say "Results are in $OUT"
sed -n '/^Tests:$/,$p' "$OUT/summary.txt"
exit "$worst"
