#!/bin/sh
# Where the time of the demo goes: kernels, and the parts of the whole run.
#
#   bench/demo.sh ONNXTUNE [OPTION...]
set -eu
onnxtune=$(realpath "${1:?usage: bench/demo.sh ONNXTUNE [OPTION...]}")
shift
demo=$(realpath "$(dirname "$0")/../data/demo")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xf "$demo/orient-scripts.tar" -C "$work"
"$onnxtune" "$demo/ppocr_cls.onnx" "$work/orient-scripts" --image-size 48x192 --resize pad:left --channels grey \
	--mean 0.5 --std 0.5 --quiet -o "$work/tuned.onnx" --profile "$work/profile" "$@" >&2
cat "$work/profile"
