#!/bin/sh
# run and grad: where the arrays go, and what is wrong with those that are given. The numbers
# themselves are tested in tests/e2e.
. "$srcdir/tests/cli/lib.sh"

plain | helper model m.onnx
helper npz in.npz x/float32/2,4/random
helper npz both.npz x/float32/2,4/random cotangent:probs/float32/2,3/random

# ---- where results go ----

run run m.onnx in.npz
{
	wanted 0 ''
	test "$(cat out)" = in.outputs.npz || cat out
	grep -q 'probs.npy' in.outputs.npz || echo 'no array probs'
} | report 'run: a path beside the inputs'

mkdir a.b
cp in.npz a.b/in
run run m.onnx a.b/in
{
	wanted 0 ''
	test "$(cat out)" = a.b/in.outputs.npz || cat out
} | report 'run: inputs without an extension'

run grad m.onnx both.npz
{
	wanted 0 ''
	test "$(cat out)" = both.grads.npz || cat out
	for name in x w b; do
		grep -q "grad:$name.npy" both.grads.npz || echo "no array grad:$name"
	done
} | report 'grad: a path beside the inputs'

run grad m.onnx both.npz --freeze w -o o.npz
{
	wanted 0 ''
	test "$(cat out)" = o.npz || cat out
	grep -q 'grad:b.npy' o.npz || echo 'no array grad:b'
	! grep -q 'grad:w.npy' o.npz || echo 'a gradient of what is frozen'
} | report 'grad: --freeze'

run run m.onnx both.npz -o again.npz
{
	wanted 0 ''
	cmp in.outputs.npz again.npz
} | report 'run: one file of inputs serves both'

run run m.onnx in.npz -o again.npz --threads 1 -f
{
	wanted 0 ''
	cmp in.outputs.npz again.npz
} | report 'run: --force'

refuses 1 'onnxtune: again.npz: exists; replace it with --force' run m.onnx in.npz -o again.npz |
	report 'run: an output that exists'
refuses 1 'onnxtune: no/where.npz: *' run m.onnx in.npz -o no/where.npz |
	report 'run: a folder that is not there'
refuses 1 'onnxtune: a.b: *' run m.onnx in.npz -o a.b -f | report 'run: an output that is a folder'
refuses 2 'onnxtune: in.npz: the output would replace its inputs' run m.onnx in.npz -o in.npz -f | report 'run: an output that is the input'
refuses 2 'onnxtune: m.onnx: the output would replace the model' grad m.onnx both.npz -o m.onnx -f |
	report 'grad: an output that is the model'

# ---- arrays that are wrong ----

# wrong NAME PATTERN ARRAY...: what `run` says of the arrays.
wrong()
{
	wrong_name=$1 wrong_pattern=$2
	shift 2
	helper npz bad.npz "$@"
	refuses 1 "onnxtune: bad.npz: $wrong_pattern" run m.onnx bad.npz | report "run: $wrong_name"
}

wrong 'an input without array' \
	"no array 'x' for the model's input: float32 ?x4*array 'X' is no input of the model; its inputs: 'x'" \
	X/float32/2,4/random
wrong 'another type' "array 'x' is float64 2x4, the model's input is float32 ?x4" \
	x/float64/2,4/random
wrong 'another rank' "array 'x' is float32 8, the model's input is float32 ?x4" x/float32/8/random
wrong 'another size' "array 'x' is float32 2x5, the model's input is float32 ?x4" \
	x/float32/2,5/random
wrong 'an array too many' "array 'y' is no input of the model; its inputs: 'x'" \
	x/float32/2,4/random y/float32/2/random

refuses 1 'onnxtune: none.npz: No such file or directory' run m.onnx none.npz |
	report 'run: no arrays'
refuses 1 'onnxtune: m.onnx: *' run m.onnx m.onnx | report 'run: no archive'

cat <<'END' | helper model two.onnx
opset 13
input a float32 N,2
input b float32 N,2
node Add add a b -> c
output c
END
helper npz bad.npz a/float32/3,2/random b/float32/1,2/random
refuses 1 "onnxtune: bad.npz: arrays 'a' and 'b': axis 'N' is 3 in one, 1 in the other" \
	run two.onnx bad.npz | report 'run: axes of one name that differ'

# ---- cotangents that are wrong ----

# off NAME PATTERN ARRAY: what `grad` says of the cotangent.
off()
{
	helper npz bad.npz x/float32/2,4/random $3
	refuses 1 "onnxtune: bad.npz: $2" grad m.onnx bad.npz | report "grad: $1"
}

off 'no cotangent' "no array 'cotangent:OUTPUT', so nothing to differentiate; the model's outputs: 'probs'"
off 'a cotangent of no output' \
	"array 'cotangent:prob': the model has no output 'prob'; its outputs: 'probs'" \
	cotangent:prob/float32/2,3/random
off 'a cotangent of another shape' \
	"array 'cotangent:probs' is float32 2x4, the output is float32 2x3" \
	cotangent:probs/float32/2,4/random
off 'a cotangent of another type' \
	"array 'cotangent:probs' is float64 2x3, the output is float32 2x3" \
	cotangent:probs/float64/2,3/random

{
	plain
	echo 'node ArgMax best probs -> label axis=1'
	echo 'output label'
} | helper model label.onnx
helper npz bad.npz x/float32/2,4/random cotangent:label/int64/2,1/mod:2
refuses 1 "onnxtune: bad.npz: array 'cotangent:label': output 'label' is int64, which has no gradient" \
	grad label.onnx bad.npz | report 'grad: an output without gradient'
run run label.onnx in.npz -o label.npz
wanted 0 '' | report 'run: two outputs'
run grad label.onnx both.npz -o label.npz -f
{
	wanted 0 ''
	cmp both.grads.npz label.npz
} | report 'grad: outputs without cotangent do not count'

run grad m.onnx both.npz -o o.npz -f --freeze nope
wanted 2 "onnxtune: --freeze 'nope' matches no float constant; see onnxtune inspect" |
	report 'grad: a pattern that matches nothing'

# ---- shapes that only the data tells ----

cat <<'END' | helper model shape.onnx
opset 13
input x float32 N,4
input s int64 2
node Reshape r x s -> y
output y
END
helper npz in2.npz x/float32/2,4/random s/int64/2/=4,2
run run shape.onnx in2.npz -o shape.npz
{
	wanted 0 "computed by the reference, slowly: node 'r' (Reshape): input 1 is computed from the data"
	grep -q 'y.npy' shape.npz || echo 'no array y'
} | report 'run: a shape that is an input'
plan
