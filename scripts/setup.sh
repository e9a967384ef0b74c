#!/usr/bin/env bash
# Makes a clone ready to run: packages, libtorch, the addon, the TypeScript build. Does only what is not yet done, says
# what it does on standard error, and is silent when everything stands.
#
#   LIBTORCH=DIR                a libtorch of your own (DIR/lib, DIR/include), 2.11 or later
#   LIBTORCH_USE_PYTORCH=1      the libtorch inside python3's torch
#   LIMBECK_ENGINE=wheel|cuda   else .engine/, filled from torch's wheels: for the CPU, or for CUDA where a GPU is seen
#
# A step writes aside and renames, and its stamp, a hash of everything it was made from, is removed first and written
# last: killed at any moment, it is done again. One set-up runs at a time.
set -eEuo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly ROOT=$PWD
readonly TORCH_VERSION=2.13.0 TORCH_NEEDED=2.11 NODE_NEEDED=20.19
readonly CPU_INDEX=https://download.pytorch.org/whl/cpu # PyPI itself has no builds for the CPU.

say() { printf 'set-up: %s\n' "$*" >&2; }

# fail WHAT WHAT-TO-DO
fail() {
  printf 'set-up: %s\n        %s\n' "$1" "$2" >&2
  exit 1
}

# logged NAME COMMAND...: the output of a long command goes to build/setup-NAME.log; its end is shown when it fails.
logged() {
  local log=build/setup-$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null && return
  printf '        | %s\n' "the end of $log:" >&2
  tail -n 20 "$log" | sed 's/^/        | /' >&2
  return 1
}

trap 'fail "stopped at line $LINENO: $BASH_COMMAND" "This is a fault of scripts/setup.sh itself: please report it."' ERR

is_current() { [[ -f $1 && $(<"$1") == "$2" ]]; }

write_whole() { printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1"; }

# One hash of the names and contents of the files below the given paths.
hash_of() {
  find "$@" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
}

# --- Tools -----------------------------------------------------------------------------------------------------------

as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

may_install() {
  command -v apt-get >/dev/null && { ((EUID == 0)) || sudo -n true 2>/dev/null; }
}

apt_install() {
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  # The package lists of a fresh container are empty, and old ones name files that are gone.
  as_root "${get[@]}" install -y --no-install-recommends "$@" ||
    { as_root "${get[@]}" update && as_root "${get[@]}" install -y --no-install-recommends "$@"; }
}

# install_debian PACKAGES...: returns 1 where that cannot be done.
install_debian() {
  may_install || { say "missing: $* (apt-get is not here or needs a password)" && return 1; }
  say "installing $* by apt-get"
  logged apt apt_install "$@"
}

need() { install_debian "$@" || fail "$* cannot be installed from here." "Install it with your package manager and run this again."; }

check_node() {
  local todo="Install Node.js $NODE_NEEDED or later with npm: https://nodejs.org" version
  command -v node >/dev/null || fail "node is not found." "$todo"
  version=$(node --version)
  version=${version#v}
  printf '%s\n%s\n' "$NODE_NEEDED" "$version" | sort -V -C || fail "Node.js $version is too old." "$todo"
  command -v npm >/dev/null || fail "npm is not found." "$todo"
}

check_compiler() {
  local missing=() compiler
  read -ra compiler <<<"${CXX:-c++}" # It may hold a launcher: "ccache g++".
  command -v "${compiler[0]}" >/dev/null || missing+=(g++)
  command -v cmake >/dev/null || missing+=(cmake)
  command -v make >/dev/null || missing+=(make)
  ((${#missing[@]} == 0)) || need "${missing[@]}"
  printf '#include <concepts>\n' | "${compiler[@]}" -std=c++20 -x c++ -fsyntax-only - 2>/dev/null ||
    fail "${compiler[*]} does not compile C++20." "Install g++ 10 or later, or name it in CXX, and run this again."
}

# --- Packages --------------------------------------------------------------------------------------------------------

install_packages() {
  local stamp=node_modules/.limbeck-set-up key
  [[ -f package-lock.json ]] || return 0 # An installed package: npm has put everything in place.
  key=$(sha256sum <package-lock.json)
  is_current "$stamp" "$key" && return
  say "installing npm packages"
  rm -f "$stamp"
  logged npm npm ci --ignore-scripts --include=dev --no-audit --no-fund \
    --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=10000 ||
    fail "npm ci failed." "It needs the npm registry or a filled npm cache. The whole output is in build/setup-npm.log."
  write_whole "$stamp" "$key"
}

# --- libtorch --------------------------------------------------------------------------------------------------------
# Each use_* sets ENGINE (the folder in build/), TORCH_LIB and TORCH_HEADERS, or returns 1.

# use_folder ENGINE LIB HEADERS
use_folder() {
  [[ -e $2/libtorch_cpu.so && -e $2/libc10.so && -e $3/ATen/ATen.h ]] || return 1
  ENGINE=$1 TORCH_LIB=$2 TORCH_HEADERS=$3
}

use_custom() {
  local folder=${LIBTORCH:-}
  if [[ -z $folder ]]; then
    folder=$(python3 -c 'import importlib.util; print(importlib.util.find_spec("torch").submodule_search_locations[0])' \
      2>/dev/null) || fail "LIBTORCH_USE_PYTORCH is set, but python3 has no torch." \
      "Activate the environment that has it, or unset LIBTORCH_USE_PYTORCH."
  fi
  folder=$(realpath -m -- "$folder")
  use_folder custom "$folder/lib" "$folder/include" ||
    fail "$folder holds no libtorch." "Expected lib/libtorch_cpu.so, lib/libc10.so and include/ATen/ATen.h below it."
  printf '%s\n%s\n' "$TORCH_NEEDED" "$(torch_version)" | sort -V -C ||
    fail "$folder holds a libtorch before $TORCH_NEEDED." "Install a later one, or let set-up fetch its own."
}

torch_version() { sed -n 's/^ *"\([0-9][0-9.]*\)" *$/\1/p' "$TORCH_HEADERS/torch/headeronly/version.h" 2>/dev/null || true; }

# libtorch's files are as they were unpacked, and of the version wanted.
engine_stands() {
  [[ -f $1/SIZES ]] && is_current "$1/VERSION" "$TORCH_VERSION" && [[ $(library_sizes "$1") == "$(<"$1/SIZES")" ]]
}

library_sizes() { (cd "$1" && find . -name '*.so*' -printf '%s %p\n' | sort); }

# fill_engine ENGINE FOLDER
fill_engine() {
  local aside=build/engine.new
  rm -rf "$aside"
  # Node takes proxies from the environment, from 22.21 and 24 on, and certificates, where it is told to.
  NODE_USE_ENV_PROXY=1 NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-${PIP_CERT:-}} \
    node scripts/fill-engine.mjs "$1" "$TORCH_VERSION" "$aside" "$CPU_INDEX" ||
    fail "libtorch $TORCH_VERSION for $1 could not be had." "Connect to the network, or put torch's wheels in a folder and name \
it in PIP_FIND_LINKS, or set LIBTORCH to an unpacked libtorch."
  # The version goes first and comes last: without it the folder is filled again.
  library_sizes "$aside" >"$aside/SIZES"
  write_whole "$aside/VERSION" "$TORCH_VERSION"
  rm -f "$2/VERSION"
  rm -rf "$2"
  mkdir -p "$(dirname "$2")"
  mv "$aside" "$2"
}

# use_engine wheel|cuda
use_engine() {
  local folder=.engine/$1
  engine_stands "$folder" || fill_engine "$1" "$folder"
  use_folder "$1" "$ROOT/$folder/torch/lib" "$ROOT/$folder/torch/include" ||
    fail "$folder holds no libtorch." "Delete it and run this again."
}

sees_gpu() { [[ -e /dev/nvidia0 ]] || nvidia-smi --list-gpus >/dev/null 2>&1; }

choose_engine() {
  local engine=${LIMBECK_ENGINE:-}
  if [[ -z $engine ]]; then
    engine=wheel
    if [[ -n ${LIBTORCH:-} || ${LIBTORCH_USE_PYTORCH:-} == 1 ]]; then engine=custom; elif sees_gpu; then engine=cuda; fi
  fi
  case $engine in
    wheel | cuda) use_engine "$engine" ;;
    custom)
      [[ -n ${LIBTORCH:-} || ${LIBTORCH_USE_PYTORCH:-} == 1 ]] ||
        fail "LIMBECK_ENGINE=custom, but no libtorch is named." "Set LIBTORCH=DIR or LIBTORCH_USE_PYTORCH=1."
      use_custom
      ;;
    *) fail "LIMBECK_ENGINE=$engine is unknown." "Expected wheel, cuda or custom." ;;
  esac
}

# --- The addon -------------------------------------------------------------------------------------------------------

# A compiler takes about 1.5 GB for a file of libtorch's headers.
compile_jobs() {
  local jobs free_mb limit
  jobs=$(nproc)
  free_mb=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  [[ $limit == max ]] || free_mb=$((limit >> 20 < free_mb ? limit >> 20 : free_mb))
  ((free_mb / 1500 >= jobs)) || jobs=$((free_mb / 1500))
  echo $((jobs > 0 ? jobs : 1))
}

compile_addon() {
  local tree=$1 node_api
  node_api=$(node -p 'require("node-api-headers").include_dir') &&
    cmake -S . -B "$tree" -G 'Unix Makefiles' -DTORCH_LIB="$TORCH_LIB" -DNODE_API_INCLUDE="$node_api" \
      -DTORCH_INCLUDE="$TORCH_HEADERS;$TORCH_HEADERS/torch/csrc/api/include" &&
    cmake --build "$tree" --parallel "$(compile_jobs)"
}

# Loads the addon, and sees to it that one libtorch came with it.
try_addon() {
  # shellcheck disable=SC2016 # JavaScript's own ${}.
  node -e '
    require(process.argv[1]);
    const maps = require("node:fs").readFileSync("/proc/self/maps", "utf8");
    const found = new Set(maps.match(/\S*\/libc10\.so\S*/g));
    if (found.size !== 1) throw new Error(`two libtorch are loaded: ${[...found].join(", ")}`);
  ' "$ROOT/$1"
}

build_addon() {
  local home=build/$ENGINE tree=build/$ENGINE/objects tree_key key version
  version=$(torch_version)
  tree_key="$ROOT $TORCH_LIB $(stat -L -c '%s %Y' "$TORCH_LIB/libtorch_cpu.so") ${CXX:-}"
  key="$tree_key $(hash_of native CMakeLists.txt)"
  if ! is_current "$home/stamp" "$key" || [[ ! -f $home/limbeck.node ]]; then
    check_compiler
    say "compiling the addon for libtorch $version ($ENGINE)"
    rm -f "$home/stamp"
    # Objects that a killed compiler left half written look finished to make: start again from nothing.
    if ! is_current "$tree/stamp" "$tree_key"; then rm -rf "$tree"; fi
    mkdir -p "$tree"
    rm -f "$tree/stamp"
    logged "addon-$ENGINE" compile_addon "$tree" || {
      write_whole "$tree/stamp" "$tree_key"
      fail "the addon does not compile." "The whole output is in build/setup-addon-$ENGINE.log."
    }
    write_whole "$tree/stamp" "$tree_key"
    cp "$tree/limbeck.node" "$home/limbeck.new.node"
    logged "load-$ENGINE" try_addon "$home/limbeck.new.node" ||
      fail "the addon does not load." "Another libtorch may be in the way: look at LD_LIBRARY_PATH and LD_PRELOAD."
    mv -f "$home/limbeck.new.node" "$home/limbeck.node"
    write_record "$home/engine.json" "$version"
    write_whole "$home/stamp" "$key"
  fi
  cmp -s "$home/engine.json" build/engine.json || write_whole build/engine.json "$(<"$home/engine.json")"
}

# What src/engine/native.ts reads.
write_record() {
  write_whole "$1" "$(node -p 'const [engine, version, addon, include, lib] = process.argv.slice(1);
    JSON.stringify({ engine, version, addon, include, lib }, null, 2)' \
    "$ENGINE" "$2" "$ROOT/build/$ENGINE/limbeck.node" "$TORCH_HEADERS" "$TORCH_LIB")"
}

# --- TypeScript ------------------------------------------------------------------------------------------------------

build_typescript() {
  local stamp=build/typescript.stamp key
  [[ -d src ]] || return 0 # An installed package brings dist/.
  key=$(node scripts/dist-key.mjs)
  is_current "$stamp" "$key" && [[ -d dist ]] && return
  say "compiling TypeScript"
  rm -rf "$stamp" build/dist.new build/dist.old
  logged typescript node_modules/.bin/tsc -p tsconfig.json --noEmitOnError --outDir build/dist.new ||
    fail "the TypeScript does not compile." "The whole output is in build/setup-typescript.log."
  logged web node scripts/build-web.mjs build/dist.new/web ||
    fail "the browser's scripts cannot be bundled." "The whole output is in build/setup-web.log."
  # The folder is replaced whole, so that nothing stays of a file that is gone from src/.
  [[ ! -d dist ]] || mv dist build/dist.old
  mv build/dist.new dist
  rm -rf build/dist.old
  write_whole "$stamp" "$key"
}

# ---------------------------------------------------------------------------------------------------------------------

main() {
  [[ $(uname -s) == Linux ]] || fail "set-up knows Linux only, this is $(uname -s)." "Use a Linux machine or container."
  mkdir -p build
  exec 9>build/set-up.lock
  flock -n 9 || { say "waiting for another set-up to end" && flock 9; }
  check_node
  install_packages
  choose_engine
  build_addon
  build_typescript
}

main
