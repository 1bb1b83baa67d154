#!/bin/sh
# gradcheck: its table and JSON, kinks, what it can't check. Whole models are in tests/e2e.
. "$srcdir/tests/cli/lib.sh"

plain | helper model m.onnx
helper npz d.npz x/float32/24,4/random labels/int64/24/mod:3

# Numbers are the platform's: only their form is compared.
numbers()
{
	sed -E 's/ *-?[0-9]\.[0-9]{8}e[-+][0-9]+/ N/g; s/ +[0-9]\.[0-9]e[-+][0-9]+/ E/' "$@"
}

run gradcheck m.onnx -q
{
	wanted 0 ''
	numbers out | diff - /dev/fd/3 3<<-'END'
		weighted sum of the outputs for random inputs, in float64

		name  shape                   analytic         numeric     error
		w     4x3 N N E  ok
		b     3 N N E  ok

		2 tensors, 0 failed
	END
} | report 'random inputs'
mv out first

run gradcheck m.onnx -q
cmp out first | report 'the same numbers again'
run gradcheck m.onnx -q --seed 1
{
	wanted 0 ''
	cmp -s out first && echo 'nothing changed'
} | report 'other numbers for another seed'

run gradcheck m.onnx d.npz -q
{
	wanted 0 ''
	head -n 1 out | grep -qx 'cross-entropy of 2 samples of d.npz, in float64' || cat out
	tail -n 1 out | grep -qx '2 tensors, 0 failed' || cat out
} | report 'the loss of the first samples'

run gradcheck m.onnx --freeze w --json -q
{
	wanted 0 ''
	helper json out command model failed kinks tensors.0.name tensors.0.shape \
		tensors.0.verdict tensors.0.checks.0.element tensors.0.checks.3.verdict tolerance |
		diff - /dev/fd/3 3<<-'END'
			"gradcheck"
			"m.onnx"
			0
			0
			"b"
			[3]
			"ok"
			null
			"ok"
			1e-6
		END
	grep -q '"w"' out && echo 'w is frozen'
} | report 'JSON'

# At 0 everything lies on the kink of Relu.
{
	plain | sed 's/^tensor w.*/tensor w float32 4,3 =0/; s/^tensor b.*/tensor b float32 3 =0/; /^output/d'
	echo 'node Relu r logits -> y'
	echo 'output y'
} | helper model kink.onnx
run gradcheck kink.onnx -q
{
	wanted 0 ''
	grep -q 'kink?$' out || cat out
	tail -n 1 out | grep -q '^2 tensors, 0 failed, 2 at a kink' || cat out
} | report 'a kink is no failure'

cat <<'END' | helper model round.onnx
opset 13
input x float32 N,4
tensor w float32 4,3
node MatMul m x w -> z
node Loop l z -> y
output y
END
refuses 1 "onnxtune: round.onnx: node 'l' (Loop): *" gradcheck round.onnx |
	report 'an operator that is not there'

refuses 1 'onnxtune: nothing is trained, so there is no gradient to check; *' \
	gradcheck m.onnx --freeze '*' | report 'nothing to check'
refuses 1 'onnxtune: none.npz: *' gradcheck m.onnx none.npz |
	report 'no data'
refuses 2 'onnxtune: --batch-size does not apply to gradcheck; see onnxtune --help' \
	gradcheck m.onnx --batch-size 4 | report 'an option of others'
plan
