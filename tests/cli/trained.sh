#!/bin/sh
# What is trained: --train last:N, rates and decay of parts, dropout, the output that is trained.
. "$srcdir/tests/cli/lib.sh"

mlp=$models/mlp/model.onnx
usps=$demo/ccexam_usps.onnx
digits=$demo/digits16
helper npz d.npz x/float32/48,16/random labels/int64/48/mod:4

# trained MODEL WORD...: the names of what would be trained, in one line.
trained()
{
	run inspect "$@" --json
	awk -F'"' '$2 == "name" { name = $4 } /"trained": true/ { printf "%s ", name }' out
}

{
	test "$(trained "$mlp" --train last:1)" = 'fc3.weight fc3.bias ' || trained "$mlp" --train last:1
	test "$(trained "$mlp" --train last:2 --freeze '*bias' --train fc1.bias)" = \
		'fc1.bias fc2.weight fc3.weight ' || cat out
	trained "$mlp" --train last:99 | wc -w | grep -qx ' *6' || cat out
} | report 'the last N nodes, alone and with patterns'

refuses 2 "onnxtune: *: --train 'last:0' matches no float constant; see onnxtune inspect" \
	"$mlp" d.npz --train last:0 | report 'no node at all'
refuses 2 "onnxtune: *: --lr-scale 'x*' matches nothing that is trained; see onnxtune inspect" \
	"$mlp" d.npz --lr-scale 'x*=2' | report 'a rate of nothing'
refuses 2 "onnxtune: *: --no-decay 'fc1.*' matches nothing that is trained; see onnxtune inspect" \
	"$mlp" d.npz --no-decay 'fc1.*' --train last:1 | report 'no decay of what is frozen'
refuses 2 "onnxtune: --loss-output 'z' is no output of the model; see onnxtune inspect" \
	"$mlp" d.npz --loss-output z | report 'an output that is none'
refuses 2 "onnxtune: --lr-scale*'fc1' is not PATTERN=FACTOR; *" "$mlp" d.npz --lr-scale fc1 |
	report 'a rate without a factor'
refuses 2 "onnxtune: --lr-scale*'0' is not a number above 0; *" "$mlp" d.npz --lr-scale fc1=0 |
	report 'a rate of zero'

run "$mlp" d.npz --steps 5 -o plain.onnx
run "$mlp" d.npz --steps 5 -o same.onnx --layer-decay 1 --dropout 0 --lr-scale '*=1' --loss-output y
{
	wanted 0
	cmp plain.onnx same.onnx
} | report 'options at their neutral values change no bit'

run "$mlp" d.npz --steps 5 -o dropped.onnx --dropout 0.5
cp out dropped.out
run evaluate dropped.onnx d.npz
{
	wanted 0
	cmp -s plain.onnx dropped.onnx && echo 'nothing was dropped'
	test "$(wc -c <plain.onnx)" = "$(wc -c <dropped.onnx)" || echo 'another file'
	sed -n '/^After tuning/,/weighted/p' dropped.out | tail -n 8 >after
	tail -n 8 out | head -n 3 | while read -r line; do
		grep -qF "$line" dropped.out || echo "$line"
	done
	run "$mlp" d.npz --steps 5 -o divided.onnx --dropout 0.5 --micro-batch 5
	helper distance dropped.onnx divided.onnx | awk '{ exit !($1 < 1e-5) }' ||
		echo 'it depends on the micro-batch'
} | report 'dropout: trained with, written and evaluated without'

run "$mlp" d.npz --steps 8 --train last:1 -o whole.onnx
for how in exact near; do
	run "$mlp" d.npz --steps 8 --train last:1 --cache-features $how -o $how.onnx
	{
		wanted 0
		told
		grep -q '^features' err || cat err
		test $how = exact || grep -q '^features: .* for 40 samples, in memory$' err || cat err
		helper distance whole.onnx $how.onnx | awk '{ exit !($1 < 1e-6) }' ||
			helper distance whole.onnx $how.onnx
		test $how = near || cmp whole.onnx exact.onnx
	} | report "features that are kept: $how"
done
run "$mlp" d.npz --steps 8 --cache-features exact -o none.onnx
{
	wanted 0
	grep -q '^features: none are cached: no frozen weight' err || cat err
} | report 'no features to keep'
refuses 2 'onnxtune: --cache-features needs the same input*' \
	"$usps" "$digits" --cache-features exact --augment flip | report 'features of changing images'

# Of three outputs the last one, which has two columns of its own.
{
	plain
	printf 'output logits\noutput two\ntensor v float32 3,2\nnode MatMul two logits v -> two\n'
} | helper model two.onnx
helper npz two.npz x/float32/24,4/random labels/int64/24/mod:2
run two.onnx two.npz --loss-output two --steps 3 -o two.tuned.onnx
{
	wanted 0
	told
	grep -q "^of 3 outputs only 'two' is trained and evaluated" err || cat err
	cmp -s two.onnx two.tuned.onnx && echo 'nothing is trained'
	run evaluate two.tuned.onnx two.npz --loss-output two --json
	wanted 0
	run gradcheck two.onnx two.npz --loss-output two -q
	wanted 0
} | report 'one of several outputs'
plan
