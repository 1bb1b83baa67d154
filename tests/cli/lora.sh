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

# ---- tensors that are trained as a whole ----

run "$mlp" d.npz --steps 8 --lora 4:8 --lr 0.01 --train 'fc2.bias' --lora-save w.safetensors -o whole.onnx
run "$mlp" d.npz --adapter w.safetensors --steps 0 -o whole2.onnx
{
	wanted 0
	close whole.onnx whole2.onnx
	grep -q '"base_model.model.fc2.bias"' w.safetensors || echo 'no bias'
} | report 'what is trained beside the factors is in the adapter'

helper npz d3.npz x/float32/48,16/random labels/int64/48/mod:3
printf 'ant\nbee\ncow\n' >names
run "$mlp" d3.npz --labels names --new-head 3 --steps 8 --lora 4:8 --lr 0.01 --lora-save head.safetensors -o head.onnx
{
	wanted 0
	# factors of two layers, and the head: 4 (16 + 32) + 4 (32 + 32) + 3 33
	grep -q '^training 6 tensors, 547 numbers' err || cat err
	cp err own.err
	run "$mlp" d3.npz --adapter head.safetensors --steps 0 -o head2.onnx
	wanted 0
	grep -q "^new head: .* 3 classes apart instead of 4: 'fc3.weight', 'fc3.bias' from head.safetensors\$" err || cat err
	close head.onnx head2.onnx
	run evaluate head.onnx d3.npz
	sed 1d out >one
	run evaluate "$mlp" d3.npz --adapter head.safetensors
	wanted 0
	sed 1d out | cmp one -
	grep -q ' cow ' out || cat out
} | report 'an adapter with a new head'
refuses 2 'onnxtune: --adapter: head.safetensors has a head of its own: leave --new-head out' \
	"$mlp" d3.npz --adapter head.safetensors --new-head 3 | report 'two heads'
refuses 1 "onnxtune: with a new head: a.safetensors: the factors of 'fc3.weight' are no floats *" \
	"$mlp" d3.npz --adapter a.safetensors --new-head 3 | report 'factors of the head that was'
refuses 1 'onnxtune: head.safetensors: has a head of its own, which this command can'\''t make; merge it: *' \
	run "$mlp" x.npz --adapter head.safetensors | report 'a command that makes no head'
refuses 2 "onnxtune: --lora-on: 'fc3.weight' is of the new head, which is trained as a whole" \
	"$mlp" d3.npz --new-head 3 --lora 4 --lora-on 'fc*.weight' -o n.onnx | report 'factors on the new head'

plain | sed 's/^tensor w.*/tensor w float32 4,6/; s/^tensor b.*/tensor b float32 6/; s/^node Softmax.*/node Relu r logits -> feat/
	s/^output.*/output feat/' | helper model on.onnx
helper npz on.npz x/float32/24,4/random labels/int64/24/mod:3
run on.onnx on.npz --head-on feat --lora 2 --steps 5 --lr 0.01 --lora-save on/ -o on1.onnx
run on.onnx on.npz --adapter on --steps 0 -o on2.onnx
{
	wanted 0
	close on1.onnx on2.onnx
} | report 'an adapter with a head on a value'

# ---- folders as peft has them ----

run "$mlp" d.npz --steps 8 --lora 3:5 --lr 0.01 --lora-on 'fc[12].weight' --train 'fc3*' --lora-save ours/ -o ours.onnx
{
	wanted 0
	ls ours | tr '\n' ' ' | grep -qx 'adapter_config.json adapter_model.safetensors ' || ls ours
	run "$mlp" d.npz --adapter ours --steps 0 -o ours2.onnx
	wanted 0
	close ours.onnx ours2.onnx
	cmp -s ours.onnx "$mlp" && echo 'nothing is trained'
	# the names and values of peft's own file, and no others
	theirs=$srcdir/tests/data/adapters/peft
	tr ',' '\n' <ours/adapter_model.safetensors | grep -ao '"base_model[^"]*"' | sort >own.ours
	tr ',' '\n' <"$theirs/adapter_model.safetensors" | grep -ao '"base_model[^"]*"' | sort | diff - own.ours
	for f in ours "$theirs"; do
		helper json $f/adapter_config.json peft_type r lora_alpha bias fan_in_fan_out use_rslora use_dora \
			rank_pattern alpha_pattern modules_to_save task_type lora_dropout init_lora_weights \
			inference_mode layers_to_transform layers_pattern revision
		sed -n 's/^  "\([a-z_]*\)":.*/\1/p' $f/adapter_config.json | sort >own.keys.$(basename $f)
		sed -n '/target_modules/,/]/p' $f/adapter_config.json | grep -o 'fc[0-9]' | sort
	done >own.values
	comm -23 own.keys.ours own.keys.peft
	n=$(($(wc -l <own.values) / 2))
	head -n $n own.values >own.one
	tail -n $n own.values | diff own.one -
} | report 'a folder in the form of peft'
run "$mlp" d.npz --adapter "$srcdir/tests/data/adapters/peft" --steps 0 -o theirs.onnx
{
	wanted 0
	close theirs.onnx "$srcdir/tests/data/adapters/merged.onnx"
} | report 'a folder that peft wrote'
refuses 1 'onnxtune: ours/adapter_model.safetensors: exists; replace it with --force' \
	"$mlp" d.npz --lora 2 --lora-save ours/ | report 'an existing folder'
refuses 1 'onnxtune: none/deep: can'\''t write: *' "$mlp" d.npz --lora 2 --lora-save none/deep/ |
	report 'a folder that can not be'

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
refuses 1 "onnxtune: a.safetensors: tensor 'base_model.model.fc1.lora_A.weight' is of no weight*" \
	m.onnx m.npz --adapter a.safetensors | report 'the adapter of another model'
plan
