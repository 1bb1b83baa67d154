#!/bin/sh
# Tasks other than one class a sample: several classes, values, a class for each token, several inputs.
. "$srcdir/tests/cli/lib.sh"

# grew FILE METRIC LOW HIGH: the metric was below LOW before and is above HIGH after.
grew()
{
	helper json "$1" "before.$2" "after.$2" | tr '\n' ' ' |
		awk -v low="$3" -v high="$4" '{ exit !($1 < low && $2 > high) }' ||
		helper json "$1" "before.$2" "after.$2"
}

# samples N PART: their inputs (x), classes (has) or value, numbers by commas, for helper npz.
samples()
{
	awk -v n="$1" -v part="$2" 'BEGIN {
		srand(1)
		for (i = 0; i < n; i++) {
			for (k = 0; k < 4; k++) x[k] = int((rand() * 2 - 1) * 1000) / 1000
			if (part == "x") s = x[0] "," x[1] "," x[2] "," x[3]
			if (part == "has") s = (x[0] > 0) "," (x[1] > x[2]) "," (x[3] > -0.5)
			if (part == "value") s = 2 * x[0] - x[1] + 0.5
			printf "%s%s", i ? "," : "", s
		}
	}'
}
x="x/float32/200,4/=$(samples 200 x)"

# ---- several classes ----

helper npz has.npz "$x" "labels/int64/200,3/=$(samples 200 has)"
printf 'right\nup\nlate\n' >names
plain | sed '/Softmax/d; s/logits$/probs/' | helper model scores.onnx
run scores.onnx has.npz --labels names -o has.onnx --lr 0.1 --report has.json
{
	wanted 0
	told
	grep -q ', by bce;' err || cat err
	grep -q '^       right  *[01]\.' out || cat out
	grep -q '^ samples avg ' out || cat out
	grew has.json 'report.macro avg.f1-score' 0.7 0.9
} | report 'labels of 0 and 1 in several columns'

{
	plain | sed 's/Softmax/Sigmoid/; s/ axis=1//' | helper model sigmoid.onnx
	run sigmoid.onnx has.npz -o sigmoid-has.onnx --lr 0.1
	wanted 0
	cp out own.sigmoid
	run scores.onnx has.npz -o scores-has.onnx --lr 0.1
	wanted 0
	grep avg out >own.scores
	grep avg own.sigmoid | diff - own.scores
} | report 'with a Sigmoid and without one the same'

plain | helper model softmax.onnx
refuses 1 'onnxtune: softmax.onnx: the model ends in Softmax, which makes its classes exclude each other: *' \
	softmax.onnx has.npz -o no.onnx | report 'not with a Softmax'
plain | sed '/Softmax/d; s/logits$/probs/; s/^output probs/& float32 N,3/' | helper model declared.onnx
helper npz two.npz x/float32/24,4/random labels/int64/24,3/mod:3
refuses 1 'onnxtune: two.npz: labels of several columns say 0 or 1 for each class, sample 0 has 2' \
	declared.onnx two.npz -o no.onnx | report 'other numbers than 0 and 1'

# ---- values ----

helper model value.onnx <<'END'
opset 13
input x float32 N,4
tensor w float32 4,1
tensor b float32 1
node Gemm fc x w b -> y
output y
END
helper npz value.npz "$x" "y/float32/200,1/=$(samples 200 value)"
for loss in mse l1 huber huber:0.1; do
	run value.onnx value.npz --loss $loss -o value-$loss.onnx --lr 0.05 --epochs 40 --report value.json
	{
		wanted 0
		told
		grep -q ", by ${loss%:*};" err || cat err
		grep -q '^mean squared error ' out || cat out
		grep -q '^mean absolute error ' out || cat out
		grep -q '^R2 ' out || cat out
		grew value.json r2 0.5 0.98
		helper json value.json after.mse after.mae after.loss >own.metrics
		# what the loss is in terms of the metrics
		case $loss in
		mse) awk 'NR == 1 { a = $1 } NR == 3 { exit !((a - $1) ^ 2 < 1e-14) }' own.metrics || cat own.metrics ;;
		l1) awk 'NR == 2 { a = $1 } NR == 3 { exit !((a - $1) ^ 2 < 1e-14) }' own.metrics || cat own.metrics ;;
		huber) awk 'NR == 1 { a = $1 / 2 } NR == 3 { exit !((a - $1) ^ 2 < 1e-14) }' own.metrics || cat own.metrics ;;
		esac
	} | report "values by $loss"
done
refuses 2 "onnxtune: --loss: 'huber:0': *" value.onnx value.npz --loss huber:0 -o no.onnx | report 'huber without squares'

# ---- a class for each token ----

helper model tokens.onnx <<'END'
opset 13
input ids int64 N,5
tensor table float32 6,8
tensor w float32 8,3
tensor b float32 3
node Gather embed table ids -> x
node MatMul fc x w -> product
node Add add product b -> logits
output logits
END
# the class of id k is k modulo 3; every fourth label is ignored
awk 'BEGIN { for (i = 0; i < 300; i++) printf "%s%d", i ? "," : "", (i * 7 + int(i / 5)) % 6 }' >own.ids
awk 'BEGIN { for (i = 0; i < 300; i++) printf "%s%d", i ? "," : "", i % 4 ? (i * 7 + int(i / 5)) % 6 % 3 : -100 }' >own.tokens
helper npz tokens.npz "ids/int64/60,5/=$(cat own.ids)" "labels/int64/60,5/=$(cat own.tokens)"
run tokens.onnx tokens.npz --validation tokens.npz --lr 0.1 -o tokens-o.onnx --report tokens.json
cp out own.first
{
	wanted 0
	told
	grep -q '^    accuracy  *1\.00  *225$' out || cat out
	grew tokens.json report.accuracy 0.8 0.99
} | report 'a class for each token, without the ignored ones'

sed 's/-100/255/g' own.tokens >own.255
helper npz masks.npz "ids/int64/60,5/=$(cat own.ids)" "labels/int64/60,5/=$(cat own.255)"
run tokens.onnx masks.npz --validation masks.npz --lr 0.1 -o masks-o.onnx --ignored-label 255
{
	wanted 0
	sed '$d' out >own.second
	sed '$d' own.first | diff - own.second
	cmp tokens-o.onnx masks-o.onnx
} | report 'another label that is ignored'
refuses 1 'onnxtune: masks.npz: labels go up to 255, but only 4 of these numbers occur; --new-head 256 makes a classifier for them all' \
	tokens.onnx masks.npz -o no.onnx | report 'not unless it is named'

# ---- several inputs ----

helper model inputs.onnx <<'END'
opset 13
input a float32 N,4
input ids int64 N
tensor table float32 6,4
tensor w float32 4,3
tensor b float32 3
node Gather embed table ids -> e
node Add join a e -> x
node Gemm fc x w b -> logits
output logits
END
helper npz inputs.npz a/float32/60,4/random ids/int64/60/mod:6 labels/int64/60/mod:3
run inputs.onnx inputs.npz --lr 0.1 -o inputs-o.onnx --report inputs.json
{
	wanted 0
	told
	grew inputs.json report.accuracy 0.8 0.9
} | report 'several inputs by name'
helper npz inputs.npz a/float32/60,4/random labels/int64/60/mod:3
refuses 1 "onnxtune: inputs.npz: there is no array 'ids', as the model's input; there are: 'a', 'labels'" \
	inputs.onnx inputs.npz -o no.onnx | report 'an input that is missing'

plan
