#!/bin/sh
# inspect: what it says of small models, of what can't be trained and of what can't be read.
. "$srcdir/tests/cli/lib.sh"

{
	plain | sed '/^output/d; s/-> logits/-> scores/'
	cat <<-'END'
		constant scale float32 3 =1,2,3
		constant two float32 scalar =2
		tensor steps int64 2
		node Mul m scores scale -> scaled
		node Pow p scaled two -> logits
	END
	echo 'output probs'
} | sed '/^node Softmax/{h;d}; /^output/{x;G}' | helper model m.onnx

# Kernels and memory depend on the machine.
portable()
{
	sed -E '/^kernels of a step/,/^  .* in all, of/d; 1s/: [0-9.]+ [KM]?i?B,/: SIZE,/' out
}

run inspect m.onnx
{
	wanted 0 ''
	portable >got
	same got inspect
} | report 'a model that can be trained'

{
	grep -q '^kernels of a step on CPU, ' out || echo 'no kernels'
	grep -Eq '^ +[0-9]+  micro-batch  Gemm ' out || echo 'no Gemm'
	grep -Eq '^ +[0-9]+  in all: [0-9]+ by the reference, [0-9]+ Relayouts of activations, [0-9]+ Casts$' out ||
		echo 'no summary'
	grep -Eq '^ +[0-9]+ B  parameters$' out || echo 'no parameters'
	grep -Eq 'iB  in all, of [0-9.]+ .iB$' out || echo 'no total'
} | report 'kernels and memory'

# Its images are put channels-last, and nothing is reordered between its convolutions.
run inspect "$srcdir/models/resnet_frozen/model.onnx"
{
	wanted 0 ''
	sed -n '/^ *[0-9]*  micro-batch  /{p;q;}' out | grep -Eq '^ +1  micro-batch  Relayout ' ||
		echo 'no Relayout of the images'
	grep -Eq ', 1 Relayouts of activations, ' out || echo 'activations are reordered'
} | report 'layouts of a network of convolutions'

# Where BatchNormalization is folded, the weights' gradient and that of its scale read the same.
run inspect "$models/resnet_frozen/model.onnx" --batch-norm frozen --dump-after layout
{
	wanted 0 "$(cat err)"
	grep -c '_body=Mul,Mul,ReduceSum phase=APPLY' err | grep -qx "[1-9][0-9]*" || grep 'phase=APPLY' err
	grep 'ReduceSum(.*phase=APPLY' err
} 2>&1 | report 'chains in the update'

run inspect m.onnx --freeze w --json
{
	wanted 0 ''
	helper json out command blockers opset inputs.0 outputs.0.name ending loss constants.0 \
		constants.2.stored operators.0 micro_batch blocker_count | diff - /dev/fd/3 3<<-'END'
			"inspect"
			[]
			"13"
			{"name":"x","type":"float32","shape":["N",4],"planned":[32,4]}
			"probs"
			"Softmax"
			"cross-entropy"
			{"name":"w","type":"float32","shape":[4,3],"stored":"raw_data","trained":false,"reason":"--freeze"}
			"Constant node, raw_data"
			{"operator":"Gemm","nodes":1,"supported":true}
			32
			0
		END
	# The loss is accumulated with the gradients.
	helper json out memory.parameters memory.gradients | tr '\n' ' ' | grep -qx '24 28 ' ||
		helper json out memory
	helper json out kernels.0.node kernels.0.kernel kernels.0.program >/dev/null
} | report 'JSON'

# The memory of a plan follows the batch.
run inspect m.onnx --json -b 64
helper json out inputs.0.planned memory.inputs >large
run inspect m.onnx --json -b 64 --micro-batch 16
helper json out inputs.0.planned >small
{
	wanted 0 ''
	head -n 1 large | grep -qxF '[64,4]' || cat large
	grep -qxF '[16,4]' small || cat small
} | report 'the batch of the plan'

cat <<'END' | helper model image.onnx
opset 13
input x float32 N,3,H,W
tensor w float32 4,3,3,3
node Conv c x w -> y
node GlobalAveragePool g y -> z
node Flatten f z -> logits
output logits
END
run inspect image.onnx --image-size 20x24
{
	wanted 0 ''
	grep -q ' planned as 32x3x20x24$' out || cat out
	grep -qx 'ends in no activation; trained by cross-entropy for class labels, by mse for values' out ||
		cat out
} | report '--image-size'
run inspect image.onnx --optimizer sgd --precision bf16
{
	wanted 0 ''
	grep -q ' planned as 32x3x32x32$' out || cat out
} | report 'open axes'

# ---- blockers ----

cat <<'END' | helper model no.onnx
opset 13
input x float32 N,4
tensor w float32 4,3
node MatMul m x w -> z
node Loop l z -> a
node Nothing@some.where n a -> y
output y
END
run inspect no.onnx
{
	wanted 1 ''
	portable >got
	same got inspect-blockers
} | report 'operators that are not there'

cat <<'END' | helper model round.onnx
opset 13
input x float32 N,4
tensor w float32 4,3
node MatMul m x w -> z
node ArgMax a z -> y axis=1
output y
END
run inspect round.onnx --json
{
	wanted 1 ''
	helper json out blocker_count | grep -qx 1 || helper json out blockers
	helper json out constants.0.trained | grep -qx true || helper json out constants
} | report 'an end without a gradient'

plain | sed 's/ w b / w nope /' | helper model broken.onnx
run inspect broken.onnx
{
	wanted 1 ''
	grep -q "^broken.onnx: .*, opset 13" out || cat out
	grep -q "node 'fc' (Gemm): input 'nope' is never defined" out || cat out
} | report 'a graph that is broken'

head -c 100 m.onnx >cut.onnx
refuses 1 'onnxtune: cut.onnx: *' inspect cut.onnx | report 'a file that is cut'
refuses 1 'onnxtune: none.onnx: No such file or directory' inspect none.onnx |
	report 'a file that is not there'
refuses 2 "onnxtune: --freeze 'nope' matches no float constant; see onnxtune inspect" \
	inspect m.onnx --freeze nope | report 'a pattern that matches nothing'
plan
