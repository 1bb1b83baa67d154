#!/bin/sh
# All tables of RESULTS.md that one machine without a GPU gives; 20 minutes with two threads.
#
#   bench/all.sh FOLDER ONNXTUNE PYTHON [PYTHON_WITH_ORT]     FOLDER as peers.py (and ort.py) exports it
set -eu
folder=${1:?usage: bench/all.sh FOLDER ONNXTUNE PYTHON [PYTHON_WITH_ORT]}
onnxtune=$2 python=$3 ort=${4:+--ort $4}
bench=$(dirname "$0")
models='mlp lenet resnet18 demo mobilenetv2 bert4 bert12 vit resnet50 lstm'

# measure ROWS OPTION...
measure()
{
	rows=$1
	shift
	python3 "$bench/run.py" "$folder" $rows --onnxtune "$onnxtune" --python "$python" "$@"
	echo
}
measure "$models" --repeats 3 $ort
if grep -q avx512_bf16 /proc/cpuinfo; then
	measure "$models" --repeats 1 --precision bf16
	measure "$models" --floor --precision bf16
fi
measure "$models" --floor
measure '' --startup --repeats 5
"$bench/demo.sh" "$onnxtune" --device cpu
