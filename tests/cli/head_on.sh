#!/bin/sh
# --head-on: a classifier of a value of the graph, whose scores are an output more.
. "$srcdir/tests/cli/lib.sh"

# embedding OPSET TYPE [IR]: a network without classes; e2, emb [N,6], e3 [N,2,3],
# e4 [N,6,1,1].
embedding()
{
	cat <<-END
		ir ${3:-8}
		opset $1
		input x $2 N,4
		tensor w $2 4,6
		node MatMul mm x w -> e
		node Relu r e -> e2
		constant s3 int64 3 =-1,2,3
		node Reshape r3 e2 s3 -> e3
		constant s4 int64 4 =-1,6,1,1
		node Reshape r4 e2 s4 -> e4
		node Tanh t e2 -> emb
		output emb
	END
}

# puts NAME VALUE SHAPE WORD...: a head on m.onnx; what it says, and evaluation finds the classes.
puts()
{
	own_name=$1 own_value=$2 own_shape=$3
	shift 3
	run m.onnx d.npz --steps 2 -f -o o.onnx --head-on "$own_value" "$@"
	{
		wanted 0
		test "$(sed -n 's/^new head: //p' err)" = \
			"'$own_value' of $own_shape becomes 'logits', scores of 3 classes, the first output" || cat err
		run evaluate o.onnx d.npz --json
		wanted 0
		test "$(helper json out evaluation.classes)" = '["0","1","2"]' || cat out err
	} 2>&1 | report "$own_name"
}

for type in float32 float16 float64; do
	helper npz d.npz x/$type/24,4/random labels/int64/24/mod:3
	embedding 13 $type | helper model m.onnx
	puts "$type, [N,D]" e2 ?x6
	puts "$type, [N,T,D]" e3 ?x2x3
	puts "$type, [N,C,H,W]" e4 ?x6x1x1
done
embedding 18 float32 | helper model m.onnx
helper npz d.npz x/float32/24,4/random labels/int64/24/mod:3
puts 'axes as an input' e3 ?x2x3
puts 'the output itself' emb ?x6
puts 'an input' x ?x4
puts 'a number of classes' emb ?x6 --new-head 3
embedding 13 float32 3 | helper model m.onnx
puts 'IR version 3' e2 ?x6

embedding 13 float32 | sed 's/^output emb/node Identity i emb -> logits\n&/' | helper model m.onnx
run m.onnx d.npz --steps 1 -f -o o.onnx --head-on e2
{
	wanted 0
	grep -q "becomes 'logits_2'" err || cat err
} | report 'a name that is taken'
printf 'a\nb\nc\n' >names
run m.onnx d.npz --steps 1 -f -o o.onnx --head-on e2 --labels names
run evaluate o.onnx d.npz --json
{
	wanted 0
	test "$(helper json out evaluation.classes)" = '["a","b","c"]' || cat out err
} 2>&1 | report 'names'

refuses 2 "onnxtune: --head-on: the graph computes no value 'nothing'; the last ones are 'logits', 'emb', 'e4', 'e3', 'e2'" m.onnx d.npz --head-on nothing |
	report 'no such value'
refuses 2 "onnxtune: --head-on: the graph computes no value 'w'; *" m.onnx d.npz --head-on w |
	report 'a constant'
refuses 2 'onnxtune: --head-on makes a new head, --new-head=off forbids it; see onnxtune --help' \
	m.onnx d.npz --head-on e2 --new-head off | report 'with --new-head off'
refuses 2 'onnxtune: --head-on makes a head for classes, which --loss=mse does not train; see onnxtune --help' \
	m.onnx d.npz --head-on e2 --loss mse | report 'with a loss for values'
refuses 2 'onnxtune: --new-head makes a head for classes, which --loss=bce does not train; see onnxtune --help' \
	m.onnx d.npz --new-head 3 --loss bce | report '--new-head with a loss for values'
refuses 2 'onnxtune: --head-on trains the output that it makes; leave out --loss-output; see onnxtune --help' \
	m.onnx d.npz --head-on e2 --loss-output emb | report 'with --loss-output'
embedding 13 float32 | sed 's/^output emb/node Cast c emb -> i to=7\nnode Unsqueeze u emb ax -> e5\nconstant ax int64 3 =1,2,3\n&/' |
	helper model m.onnx
refuses 1 "onnxtune: m.onnx: no new head for 3 classes: 'i' holds int64, no floats" \
	m.onnx d.npz --head-on i | report 'integers'
refuses 1 "onnxtune: m.onnx: no new head for 3 classes: 'e5' has shape *; a head takes *" \
	m.onnx d.npz --head-on e5 | report 'too many axes'
helper npz d.npz x/float32/24,4/random labels/float32/24/random
refuses 1 'onnxtune: d.npz: label * of sample 0 is not a whole number, *' \
	m.onnx d.npz --head-on e2 | report 'labels that are values'
refuses 1 'onnxtune: d.npz: --new-head is for classes, but the labels are values' \
	m.onnx d.npz --new-head 3 | report '--new-head for labels that are values'

plan
