#!/bin/sh
# evaluate --compare, and the gates of classes and changes.
. "$srcdir/tests/cli/lib.sh"

# constant FILE LOGITS: a model whose logits are these, whatever it sees.
constant()
{
	plain | sed "s/^tensor w.*/tensor w float32 4,3 =0/; s/^tensor b.*/tensor b float32 3 =$2/
		/Softmax/d; s/^output.*/output logits/" | helper model "$1"
}
constant a.onnx 1,0,0
constant b.onnx 1.5,0,-0.25
constant c.onnx 0,1,0
helper npz d.npz x/float32/24,4/random labels/int64/24/=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1,2

run evaluate a.onnx d.npz --compare b.onnx
{
	wanted 0
	grep -c '^  *precision ' out | grep -vx 2
	grep -x 'a.onnx on d.npz' out >/dev/null && grep -x 'b.onnx on d.npz' out >/dev/null || head -3 out
	grep -x 'accuracy                0.7500      0.7500     +0.0000' out >/dev/null || cat out
	grep -x 'outputs: largest absolute difference 0.5 (sample 0), relative 1' out >/dev/null || cat out
	grep beyond out
} | report 'two reports and the differences'

run evaluate a.onnx d.npz --compare b.onnx --report r.html -q
{
	wanted 0 ''
	grep -q '<th>compared with</th><td>b.onnx</td>' r.html || echo 'not compared'
	grep -q '<td>absolute 0.5 (sample 0), relative 1</td>' r.html || echo 'no difference of outputs'
} | report 'the same as a page'

run evaluate a.onnx d.npz --compare c.onnx --json
{
	wanted 0
	test "$(helper json out compare.model compare.differences.accuracy compare.differences.loss \
		compare.outputs.max_absolute compare.outputs.max_relative compare.outputs.elements \
		compare.outputs.beyond)" = \
		"$(printf '"c.onnx"\n0.54166667\n-0.54166667\n1.0\nnull\n72\nnull')" || cat out
} | report 'the same as JSON'

# two FILE LOGITS FEATURES SPARE: a model with more outputs, of which the third has a name of its own.
two()
{
	plain | sed "s/^tensor w.*/tensor w float32 4,3 =0/; s/^tensor b.*/tensor b float32 3 =$2/
		/Softmax/d; /^output/d" >own.text
	{
		cat own.text
		echo "tensor v float32 4,2 =0"
		echo "tensor c float32 2 =$3"
		echo 'node Gemm features x v c -> features'
		echo "node Neg spare features -> $4"
		echo 'output logits'
		echo 'output features'
		echo "output $4"
	} | helper model "$1"
}
two one.onnx 1,0,0 2,4 mine
two other.onnx 1,0,0.25 2,4.5 yours
run evaluate one.onnx d.npz --compare other.onnx --atol 0.25 -q
{
	wanted 3 'onnxtune: 24 of 120 output elements differ by more than --atol and --rtol allow, the most (0.5) in sample 0'
	sed -n '/^outputs:/,$p' out >own.told
	diff - own.told <<-'END'
		outputs: largest absolute difference 0.5 (sample 0), relative 1
		  logits: absolute 0.25 (sample 0), relative 1
		  features: absolute 0.5 (sample 0), relative 0.111111
		  mine: not compared
		24 of 120 elements beyond --atol and --rtol

	END
	run evaluate one.onnx d.npz --compare other.onnx --json
	wanted 0
	test "$(helper json out compare.outputs.elements compare.each_output.0.name \
		compare.each_output.1.difference.max_absolute compare.each_output.2.difference)" = \
		"$(printf '120\n"logits"\n0.5\nnull')" || cat out
} 2>&1 | report 'all outputs that both models have'

# gate STATUS MESSAGES WORD...: evaluates a against b.
gate()
{
	own_status=$1 own_text=$2
	shift 2
	run evaluate a.onnx d.npz --compare b.onnx -q "$@"
	wanted "$own_status" "$own_text"
	test -s out || echo 'no report'
}
{
	gate 0 '' --atol 0.5
	gate 0 '' --rtol 1
	gate 0 '' --atol 0.17 --rtol 0.34
	gate 3 'onnxtune: 24 of 72 output elements differ by more than --atol and --rtol allow, the most (0.5) in sample 0' \
		--atol 0.49
	gate 3 'onnxtune: 24 of 72 output elements differ by more than --atol and --rtol allow, the most (0.5) in sample 0' \
		--rtol 0.34
	gate 3 'onnxtune: 48 of 72 output elements differ by more than --atol and --rtol allow, the most (0.5) in sample 0' \
		--rtol 0.3
	gate 3 'onnxtune: 48 of 72 output elements differ by more than --atol and --rtol allow, the most (0.5) in sample 0' \
		--atol 0
} | report 'tolerances of outputs'

run evaluate a.onnx d.npz --compare a.onnx --atol 0 --rtol 0 -q
{
	wanted 0 ''
	grep -x '0 of 72 elements beyond --atol and --rtol' out >/dev/null || cat out
} | report 'a model is equal to itself'

{
	gate 0 '' --fail-under 'f1[0]=0.857' --fail-under 'recall[1]=0' --fail-under 'change[accuracy]=0'
	gate 3 'onnxtune: f1[0] is 0.857143, --fail-under asks for 0.858
onnxtune: change[accuracy] is 0, --fail-under asks for 0.01' \
		--fail-under 'f1[0]=0.858' --fail-under 'precision[0]=0.75' --fail-under 'change[accuracy]=0.01'
} | report 'gates of classes and changes'

printf 'cat\ndog\na=[b]\n' >names
run evaluate a.onnx d.npz --labels names --fail-under 'recall[cat]=1' --fail-under 'recall[a=[b]]=0.5' -q
wanted 3 'onnxtune: recall[a=[b]] is 0, --fail-under asks for 0.5' | report 'a class by its name'
refuses 2 "onnxtune: --fail-under: f1\[cow\]: no class has this name; the first is 'cat'" \
	evaluate a.onnx d.npz --labels names --fail-under 'f1[cow]=1' | report 'a class that is not there'

constant train.onnx 0,0,0
run train.onnx d.npz --validation d.npz --steps 30 -f -o t.onnx --fail-under 'change[loss]=-0.01' -q
wanted 0 '' | report 'tune: the change since before'
run train.onnx d.npz --validation d.npz --steps 0 -f -o t.onnx --fail-under 'change[accuracy]=0.1' -q
wanted 3 'onnxtune: change[accuracy] is 0, --fail-under asks for 0.1' | report 'tune: no change'

refuses 2 'onnxtune: --atol needs --compare; *' evaluate a.onnx d.npz --atol 1 | report '--atol alone'
refuses 2 'onnxtune: --fail-under=change\[loss\] needs --compare; *' \
	evaluate a.onnx d.npz --fail-under 'change[loss]=0' | report 'a change from nothing'
refuses 2 'onnxtune: --report b.onnx would replace the --compare model' \
	evaluate a.onnx d.npz --compare b.onnx --report b.onnx | report 'a report in place of the other model'
refuses 1 'onnxtune: none.onnx: No such file or directory' evaluate a.onnx d.npz --compare none.onnx |
	report 'another model that is not there'

# Models of other classes can be compared by their metrics only.
plain | sed 's/w float32 4,3/w float32 4,4/; s/b float32 3/b float32 4/' | helper model four.onnx
run evaluate a.onnx d.npz --compare four.onnx -q
{
	wanted 0 ''
	grep -x 'outputs: the models give different numbers of them' out >/dev/null || cat out
} | report 'models of other classes'
run evaluate a.onnx d.npz --compare four.onnx -q --atol 9
wanted 3 "onnxtune: the models give different numbers of outputs, which --atol and --rtol can't compare" |
	report 'tolerances of what can not be compared'
plan
