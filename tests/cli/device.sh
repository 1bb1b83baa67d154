#!/bin/sh
# --device, on machines without a usable GPU or made to be so: no folder has a CUDA module.
. "$srcdir/tests/cli/lib.sh"
ONNXTUNE_MODULES=$PWD/nowhere
export ONNXTUNE_MODULES

model=$models/mlp/model.onnx
data=$models/mlp/data.npz

run "$model" "$data" --steps 2 -o o.onnx --device cpu
{
	wanted 0
	grep -q '^computing on CPU, .*precision auto)$' err || cat err
} | report 'the CPU'

run "$model" "$data" --steps 2 -o tuned.onnx --device cpu --autotune --json
{
	wanted 0
	cmp o.onnx tuned.onnx
	grep autotune err
} | report 'the CPU has nothing to tune'

# Linux names what the CPU has; oneDNN may be kept from it, or left out of the program.
run inspect "$models/lenet/model.onnx"
oneDNN=$(grep -c oneDNN out)
run "$model" "$data" --steps 2 -o o.onnx -f --device cpu
native=$(grep -m 1 -c -w avx512_bf16 /proc/cpuinfo)
test "$oneDNN" != 0 || native=0
{
	test "$(grep -c '^computing on CPU, .*, bfloat16 in float32' err)" = "$native" || cat err
	ONEDNN_MAX_CPU_ISA=AVX2 "$ONNXTUNE" "$model" "$data" --steps 2 -o o.onnx -f >out 2>err
	! grep 'bfloat16 in' err
} 2>&1 | report 'a CPU that computes in bfloat16'

run "$model" "$data" --steps 2 -o o.onnx -f
{
	wanted 0
	grep -q '^computing on CPU, .*; no GPU: ' err || cat err
} | report 'auto says why there is no GPU'

run "$model" "$data" --steps 2 -o p.onnx --device cuda
{
	grep -q '^onnxtune: --device=cuda: ' err || cat err
	test ! -e p.onnx || echo 'a model was written'
	test "$status" = 1 || echo "status $status"
} | report 'a GPU that is not there'

run "$model" "$data" --device cuda:x
{
	grep -q "^onnxtune: --device: 'cuda:x' is not 'auto', 'cpu', 'cuda' or 'cuda:N'" err || cat err
	test "$status" = 2 || echo "status $status"
} | report 'no device'

plan
