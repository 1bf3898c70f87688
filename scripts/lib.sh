# Sourced by the other scripts: where things are, and how they speak. Progress goes to standard error.
# shellcheck shell=bash disable=SC2034  # the variables are for those who source this
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/medsynth

# Where the Python packages of a list of the tests are: another list makes another environment.
test_venv() { echo "$cache/venv-$(sha256sum "$root/tests/$1" | cut -c1-12)"; }

# Where the console's packages are: another lock file makes another folder.
web_packages() { echo "$cache/web-$(sha256sum "$root/web/package-lock.json" | cut -c1-12)"; }

# Lets ccache know that the same source in another checkout is the same; a wheel is built in build/, not in a folder that is new
# each time.
share_ccache() {
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=true SKBUILD_BUILD_DIR="$root/build/python/{wheel_tag}"
}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# die WHAT [WAY_OUT]
die() {
  say "$1"
  [[ -z ${2:-} ]] || printf '  what to do: %s\n' "$2" >&2
  exit 1
}

# usage FILE: the comment block at the head of FILE, without its marks.
usage() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$1"; }

# quietly LABEL LOG COMMAND...: runs COMMAND with its output in LOG and shows LABEL with the log's last line while it
# runs: in place on a terminal, every 20 s elsewhere. Bash ignores `set -e` in what runs on the left of `||`, so a function
# that is run like that says `|| return` itself.
quietly() {
  local label=$1 log=$2 started=$SECONDS shown=0 last
  shift 2
  say "$label"
  : >"$log"
  set -m # a process group of its own, which an interrupt ends as a whole
  "$@" >"$log" 2>&1 </dev/null &
  local job=$!
  set +m
  # shellcheck disable=SC2064
  trap "kill -- -$job 2>/dev/null || true; wait $job || true; exit 130" INT TERM
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.2
    if [[ -t 2 ]]; then
      last=$(tail -c 300 "$log" | tr '\r' '\n' | tail -n 1)
      printf '\r\033[K  %4d s  %.*s' $((SECONDS - started)) $((${COLUMNS:-80} - 12)) "$last" >&2
    elif ((SECONDS - started >= shown + 20)); then
      shown=$((SECONDS - started))
      last=$(tail -c 300 "$log" | tr '\r' '\n' | tail -n 1)
      printf '  %4d s  %.100s\n' "$shown" "$last" >&2
    fi
  done
  if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
  local status=0
  wait "$job" || status=$?
  trap - INT TERM
  return "$status"
}

# run_ctest PRESET: its unit and integration tests. GoogleTest's reports and ctest's own go to build/reports/PRESET.
run_ctest() {
  local reports=$root/build/reports/$1
  rm -rf "$reports" && mkdir -p "$reports"
  (cd "$root" && GTEST_OUTPUT=xml:$reports/ GTEST_BRIEF=1 ctest --preset "$1" --label-regex '^(unit|integration)$' \
    --no-tests=error --parallel "$(nproc)" --output-junit "$reports/ctest.junit")
}
