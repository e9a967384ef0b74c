#!/usr/bin/env bash
# Makes the embedded teacher (assets/teacher) from raw text, with Limbeck's own commands: hours on two cores.
#   scripts/pretrain-teacher.sh WORK CORPUS…
# Stages: a vocabulary of 8,000 pieces; token shards; 3, 6, then 12 layers, each stacked from the last (progressive
# stacking, Gong et al. 2019); then sequences of 256 and 512 tokens, whose positions start as copies of those learned on
# 128 (Longformer, Beltagy et al. 2020). Killed and called again, it goes on where it was.
set -euo pipefail
if (($# < 2)); then
  echo "usage: scripts/pretrain-teacher.sh WORK CORPUS… (a new or half-finished folder, and text)" >&2
  exit 2
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$1
shift
limbeck() { node "$root/dist/cli/main.js" "$@"; }
mkdir -p "$work"

[[ -e $work/tokenizer/tokenizer.json ]] ||
  limbeck tokenizer "$@" --vocab-size 8000 --limit-alphabet 200 --out "$work/tokenizer"
[[ -e $work/data/dataset.json ]] || limbeck prepare "$@" --tokenizer "$work/tokenizer" --out "$work/data"

# stage NAME KEY=VALUE… : one run on top of the recipe tiny-teacher.
stage() {
  local name=$1
  shift
  [[ -e $work/$name/model/config.json ]] && return
  if [[ -e $work/$name/recipe.json ]]; then
    limbeck pretrain --resume --out "$work/$name"
  else
    limbeck pretrain --recipe tiny-teacher --data "$work/data" --out "$work/$name" --evaluate-every 250 --set "$@"
  fi
}

stage layers-3 layers=3 maskShare=0.3 peakLearningRate=0.002 steps=4000
stage layers-6 layers=6 initFrom="$work/layers-3/model" maskShare=0.3 peakLearningRate=0.0015 steps=1500 seed=2
stage layers-12 initFrom="$work/layers-6/model" maskShare=0.3 peakLearningRate=0.001 steps=800 seed=3
# 4,096 tokens a step, as before. Half of the windows of 256 start beyond position 0.
stage length-256 initFrom="$work/layers-12/model" tilePositions=128 positionShift=256 sequenceLength=256 stepSequences=16 \
  maskShare=0.3 peakLearningRate=0.001 warmupShare=0.03 steps=3400 seed=4
stage length-512 initFrom="$work/length-256/model" sequenceLength=512 stepSequences=8 \
  maskShare=0.3 peakLearningRate=0.0005 warmupShare=0.1 steps=700 seed=5
