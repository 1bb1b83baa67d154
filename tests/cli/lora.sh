#!/bin/sh
# --lora: merged into the model, or saved as an adapter and added again.
. "$srcdir/tests/cli/lib.sh"

mlp=$models/mlp/model.onnx
helper npz d.npz x/float32/48,16/random labels/int64/48/mod:4
helper npz x.npz x/float32/5,16/random

# close A B: the models' tensors are equal but for rounding.
close()
{
	helper distance "$1" "$2" | awk '{ exit !($1 < 1e-6) }' || helper distance "$1" "$2"
}

run "$mlp" d.npz --steps 0 --lora 4 -o none.onnx
{
	wanted 0
	cmp "$mlp" none.onnx
} | report 'without a step the model is as it was'

run "$mlp" d.npz --steps 8 --lora 4:8 --lr 0.01 -o merged.onnx
cp out own.merged
{
	wanted 0
	grep -q '^training 6 tensors, 592 numbers' err || cat err
	cmp -s "$mlp" merged.onnx && echo 'nothing is trained'
} | report 'merged into the model'

run "$mlp" d.npz --steps 8 --lora 4:8 --lr 0.01 --lora-save a.safetensors
{
	wanted 0
	test "$(tail -n 1 out)" = a.safetensors || tail -n 1 out
	sed '$d' own.merged >one
	sed '$d' out | cmp - one
	test ! -e "$models/mlp/model.tuned.onnx" || echo 'a model is written too'
} | report 'saved as an adapter alone'

run "$mlp" d.npz --steps 8 --lora 4:8 --lr 0.01 --lora-save b.safetensors -o both.onnx
{
	wanted 0
	cmp a.safetensors b.safetensors
	cmp merged.onnx both.onnx
} | report 'the adapter and the model'

run evaluate merged.onnx d.npz
sed 1d out >one # but for the model's name
run evaluate "$mlp" d.npz --adapter a.safetensors
{
	wanted 0
	sed 1d out | cmp one -
} | report 'evaluated with the adapter as the merged model'

run "$mlp" d.npz --steps 8 --lora 4:8 --lr 0.01 --ema 0.8 --lora-save e.safetensors -o ema.onnx
run "$mlp" d.npz --adapter e.safetensors --steps 0 -o ema2.onnx
{
	wanted 0
	close ema.onnx ema2.onnx
	cmp -s ema.onnx merged.onnx && echo "no average"
} | report 'averages of factors'

run "$mlp" d.npz --adapter a.safetensors --steps 0 -o again.onnx
{
	wanted 0
	close merged.onnx again.onnx
	run run merged.onnx x.npz -o one.npz
	run run "$mlp" x.npz --adapter a.safetensors -o two.npz
	wanted 0
	cmp -s one.npz x.npz && echo 'nothing is computed'
	test "$(wc -c <one.npz)" = "$(wc -c <two.npz)" || echo 'other outputs'
} | report 'tuned and run with the adapter'

run "$mlp" d.npz --adapter a.safetensors --train last:1 --steps 3 -o more.onnx
run merged.onnx d.npz --train last:1 --steps 3 -o more2.onnx
{
	wanted 0
	helper distance more.onnx more2.onnx | awk '{ exit !($1 < 1e-5) }' ||
		helper distance more.onnx more2.onnx
} | report 'trained on from an adapter, all that differs is written'

run "$mlp" d.npz --steps 2 --lora 2 --lora-on fc2.weight --train 'fc3*' -o some.onnx
{
	wanted 0
	grep -q '^training 4 tensors, 260 numbers' err || cat err
} | report 'some weights adapted, some trained'

refuses 2 'onnxtune: --lora-save needs --lora=RANK*' "$mlp" d.npz --lora-save s | report 'no rank'
refuses 2 'onnxtune: --lora-on needs --lora=RANK*' "$mlp" d.npz --lora-on s | report 'no rank, but weights'
refuses 2 "onnxtune: --lora: '0' is not a rank*" "$mlp" d.npz --lora 0 | report 'a rank of 0'
refuses 2 "onnxtune: --lora: '2:-1' is not a rank*" "$mlp" d.npz --lora 2:-1 | report 'a negative alpha'
refuses 2 "onnxtune: *: --lora-on 'fc1.bias' matches no weight of a MatMul*" \
	"$mlp" d.npz --lora 2 --lora-on fc1.bias | report 'a bias can not be adapted'
refuses 2 "onnxtune: --lora-save does not go with --adapter*" \
	"$mlp" d.npz --lora 2 --lora-save s --adapter a.safetensors | report 'an adapter on an adapter'
refuses 1 "onnxtune: a.safetensors: exists; replace it with --force" \
	"$mlp" d.npz --lora 2 --lora-save a.safetensors | report 'an existing adapter'
refuses 2 "onnxtune: --lora-save d.npz would replace d.npz" \
	"$mlp" d.npz --lora 2 --lora-save d.npz -f | report 'an adapter in the place of the data'
refuses 1 "onnxtune: d.npz: no safetensors file*" "$mlp" d.npz --adapter d.npz | report 'no adapter'
plain | helper model m.onnx
helper npz m.npz x/float32/24,4/random labels/int64/24/mod:3
refuses 1 "onnxtune: a.safetensors: tensor 'base_model.model.fc1.lora_A.weight' is no factor*" \
	m.onnx m.npz --adapter a.safetensors | report 'the adapter of another model'
plan
