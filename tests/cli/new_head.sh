#!/bin/sh
# Models whose classes are not those of the data: another classifier, by default or as asked.
. "$srcdir/tests/cli/lib.sh"

x=x/float32/24,4/random

# told_head: the line about the new head.
told_head()
{
	sed -n 's/^new head: //p' err
}

# notes FILE...: names of the classes that evaluation finds in the file for the data.
classes()
{
	run evaluate "$1" "$2" --json
	wanted 0
	helper json out evaluation.classes
}

# replaces NAME LINE WORD...: tuning m.onnx on d.npz makes a new head for 5 classes, says so, and
# evaluation of the result finds them.
replaces()
{
	own_name=$1 own_line=$2
	shift 2
	rm -f o.onnx
	run m.onnx d.npz --steps 2 -o o.onnx "$@"
	{
		wanted 0
		test "$(told_head)" = "$own_line" || cat err
		test "$(classes o.onnx d.npz)" = '["0","1","2","3","4"]' || cat out err
	} 2>&1 | report "$own_name"
}

line()
{
	echo "node '$1' ($2) tells 5 classes apart instead of 3: $3 made anew"
}

# ---- the forms of a classifier ----

helper npz d.npz $x labels/int64/24/mod:5
plain | helper model m.onnx
replaces 'Gemm' "$(line fc Gemm "'w', 'b'")"
plain | sed 's/w float32 4,3/w float32 3,4/; s/^\(node Gemm.*\)/\1 transB=1/' | helper model m.onnx
replaces 'Gemm of a transposed weight' "$(line fc Gemm "'w', 'b'")"
plain | sed 's/^node Gemm.*/node MatMul fc x w -> s\nnode Add add s b -> logits/' | helper model m.onnx
replaces 'MatMul and Add' "$(line fc MatMul "'w', 'b'")"
plain | sed 's/^node Gemm.*/node MatMul fc x w -> logits/; /^tensor b/d' | helper model m.onnx
replaces 'MatMul alone' "$(line fc MatMul "'w'")"
plain | sed 's/w float32 4,3/w float32 3,4/; s/^node Gemm.*/node Transpose t w -> wt\nnode MatMul fc x wt -> s\nnode Add add b s -> logits/' |
	helper model m.onnx
replaces 'a Transpose of the weight' "$(line fc MatMul "'w', 'b'")"
plain | sed 's/w float32/w float64/; s/b float32/b float16/; s/^node Gemm.*/node Cast c w -> wc to=1\nnode Cast d b -> bc to=1\nnode Gemm fc x wc bc -> logits/' |
	helper model m.onnx
replaces 'weights of other types' "$(line fc Gemm "'w', 'b'")"
plain | sed 's/^tensor/constant/' | helper model m.onnx
replaces 'Constant nodes' "$(line fc Gemm "'w', 'b'")"
{
	plain | sed '/^node Softmax/d; /^output/d'
	echo 'tensor shape int64 3 =-1,1,3'
	echo 'node Reshape r logits shape -> a'
	echo 'node Identity i a -> b3'
	echo 'node Squeeze s b3 axis -> c'
	echo 'tensor axis int64 1 =1'
	echo 'node LogSoftmax prob c -> probs axis=1'
	echo 'output probs'
} | helper model m.onnx
replaces 'Reshape with a constant shape' "$(line fc Gemm "'w', 'b'")"
cat >own.conv <<-'END'
	opset 13
	input x float32 N,2,4,4
	tensor w float32 3,2,1,1
	tensor b float32 3
	node Conv fc x w b -> s
	node Relu r s -> s1
	node GlobalAveragePool p s1 -> s2
	node Flatten f s2 -> logits
	node Softmax prob logits -> probs axis=1
	output probs
END
helper npz d.npz x/float32/24,2,4,4/random labels/int64/24/mod:5
helper model m.onnx <own.conv
replaces 'a convolution and pooling' "$(line fc Conv "'w', 'b'")"

# External data: what is replaced moves into the model.
helper npz d.npz $x labels/int64/24/mod:5
head -c 60 /dev/zero >m.data
plain | sed 's/w float32 4,3/& external:m.data:0:48/; s/b float32 3/& external:m.data:48:12/' | helper model m.onnx
replaces 'external data' "$(line fc Gemm "'w', 'b'")"
rm m.data

# ---- as asked ----

plain | helper model m.onnx
helper npz d.npz $x labels/int64/24/mod:3
run m.onnx d.npz --steps 1 -o o.onnx --force --new-head 5
{
	wanted 0
	test "$(classes o.onnx d.npz)" = '["0","1","2","3","4"]' || cat out err
} 2>&1 | report 'more classes than the data has'

run m.onnx d.npz --steps 0 -o o.onnx --force
{
	wanted 0
	told_head
	cmp m.onnx o.onnx
} 2>&1 | report 'the same classes: nothing is replaced'

run m.onnx d.npz --steps 1 -o o.onnx --force --new-head 3 --seed 1
run m.onnx d.npz --steps 1 -o p.onnx --force --new-head 3 --seed 1
run m.onnx d.npz --steps 1 -o q.onnx --force --new-head 3 --seed 2
{
	wanted 0
	cmp o.onnx p.onnx
	cmp -s o.onnx q.onnx && echo 'the same for another seed'
} 2>&1 | report 'the seed'

{
	echo a,b,c,d,label
	for i in 1 2 3 4 5 6; do
		printf '%s\n' 1,2,3,4,cat 4,3,2,1,dog
	done
} >t.csv
run m.onnx t.csv --steps 1 -o o.onnx --force
{
	wanted 0
	test "$(classes o.onnx t.csv)" = '["cat","dog"]' || cat out err
} 2>&1 | report 'a table with names of other classes'

# Names: of the data's folders into the file, and from there to the rows of the next data.
{
	plain | sed '/^input/d; s/w float32 4,3/w float32 64,3/; s/fc x w/fc f w/; /^node/d; /^output/d'
	echo 'input x float32 N,1,8,8'
	echo 'node Flatten fl x -> f'
	echo 'node Gemm fc f w b -> logits'
	echo 'output logits'
} | helper model m.onnx
helper pictures folder 4 10 8 8
run m.onnx folder --steps 1 -o four.onnx
mv folder/c0 folder/c9
run four.onnx folder --steps 1 -o other.onnx
{
	wanted 0
	case $(told_head) in
	*'4 classes apart instead of 4: '*'of 3 classes of the same name') ;;
	*) cat err ;;
	esac
	test "$(classes other.onnx folder)" = '["c1","c2","c3","c9"]' || cat out err
} 2>&1 | report 'one class is another: the rows of the rest are kept'

rm -r folder/c9
run four.onnx folder --steps 0 -o other.onnx --force
{
	wanted 0
	told_head
	cmp four.onnx other.onnx
} 2>&1 | report 'fewer folders than classes, all of them known: nothing is replaced'

printf 'c3\nextra\nc2\nc1\n' >names
run m.onnx folder --steps 1 -o named.onnx --labels names
{
	wanted 0
	test "$(classes named.onnx folder)" = '["c3","extra","c2","c1"]' || cat out err
} 2>&1 | report 'classes that the user names'
{
	run named.onnx folder --steps 1 -o named.onnx
	wanted 0
	told_head
	run m.onnx folder --steps 1 -o named.onnx --labels names
	wanted 0
} 2>&1 | report 'what has a new head is a tuned form of itself, and of the model'
refuses 1 "onnxtune: m.onnx: exists, and is no tuned form of this model; replace it with --force" \
	m.onnx folder --labels names -o m.onnx | report 'the model itself'

# ---- what others read too ----

# shared NAME FORM WEIGHT OTHER: a model whose classifier reads what FORM makes of w; `other` is made by the
# nodes OTHER of the same constants.
shared()
{
	plain | sed "/^node/d; /^output/d; s/^tensor w.*/tensor w float32 $3/" >own.text
	{
		cat own.text
		echo 'tensor shp int64 2 =0,3'
		printf "$2"
		echo 'node Reshape form scores shp -> logits'
		echo 'node Softmax prob logits -> probs axis=1'
		printf "$4"
		echo 'output probs'
		echo 'output other'
	} | helper model s/m.onnx
	for classes in 3 5; do
		helper npz d.npz $x labels/int64/24/mod:$classes
		run s/m.onnx d.npz --labels s/names$classes --new-head $classes --steps $((classes - 3)) -f -o s/o$classes.onnx
		wanted 0
		grep -q "^new head: .*'w.head'.* made anew; kept are the rows of 3 classes of the same name" err || cat err
	done
	# all rows are kept, and what others read is as it was
	helper npz d.npz $x labels/int64/24/mod:3
	run evaluate s/o3.onnx d.npz --compare s/m.onnx --atol 0 -q
	wanted 0
	grep -c 'absolute 0 (sample 0), relative 0$' out | grep -qx 2 || sed -n '/^outputs/,$p' out
	run s/m.onnx d.npz --labels s/names3 --new-head 3 --steps 2 --lr 0.1 -f -o s/o3.onnx
	run evaluate s/o3.onnx d.npz --compare s/m.onnx -q
	wanted 0
	grep '^  probs: absolute 0 ' out
	grep -q '^  other: absolute 0 (sample 0), relative 0$' out || sed -n '/^outputs/,$p' out
}
mkdir s
echo '{"id2label": {"0": "a", "1": "b", "2": "c"}}' >s/config.json
printf 'a\nb\nc\n' >s/names3
printf 'a\nb\nc\nd\ne\n' >s/names5
{
	shared plain 'node Gemm fc x w b -> scores\n' 4,3 \
		'node MatMul again x w -> two\nnode Reshape again2 two shp -> other\n'
	shared turned 'node Transpose t w -> wt perm=1,0\nnode Gemm fc x wt b -> scores\n' 3,4 \
		'node MatMul again x wt -> two\nnode Reshape again2 two shp -> other\n'
	shared before 'node Transpose t w -> wt perm=1,0\nnode Gemm fc x wt b -> scores\n' 3,4 \
		'node Gemm again x w b -> two transB=1\nnode Reshape again2 two shp -> other\n'
} 2>&1 | report 'a classifier that shares its constants gets its own'

# ---- what can't be ----

# no NAME TEXT: there is no new head for the classes of d.npz.
no()
{
	refuses 1 "onnxtune: *$2" m.onnx d.npz -o no.onnx | report "$1"
}

helper npz d.npz $x labels/int64/24/mod:5
plain | sed 's/^node Softmax.*/node Sigmoid s logits -> probs/' | helper model m.onnx
no 'Sigmoid' "no new head for 5 classes: output 'probs' ends in Sigmoid, which does not tell classes apart"
plain | sed 's/^node Gemm.*/node MatMul fc x w -> s\nnode Mul m s b -> logits/' | helper model m.onnx
no 'a scale for each class' "node 'm' (Mul) is no part of a classifier"
plain | sed 's/^tensor w.*/input w float32 4,3/' | helper model m.onnx
refuses 1 'onnxtune: *' m.onnx d.npz -o no.onnx | report 'a weight that is an input'
{
	plain | sed '/^output/d; /^tensor w/d; s/fc x w/fc x wf/'
	echo 'tensor w uint8 4,3 mod:3'
	echo 'node Mul dq wi scale -> wf'
	echo 'node Cast c w -> wi to=1'
	echo 'tensor scale float32 scalar =0.1'
	echo 'output probs'
} | helper model m.onnx
no 'a weight that is computed' "no new head: node 'fc' (Gemm) has no constant weight"
{
	plain | sed '/^node Softmax/d; /^output/d'
	echo 'node Concat cat logits logits -> both axis=1'
	echo 'output both'
} | helper model m.onnx
helper npz d.npz $x labels/int64/24/mod:7
no 'scores that are put together' "node 'cat' (Concat) is no part of a classifier"

plain | helper model m.onnx
helper npz d.npz $x labels/int64/24/=0,1,255
refuses 1 'onnxtune: d.npz: labels go up to 255, but only 3 of these numbers occur; --new-head 256 *' \
	m.onnx d.npz -o no.onnx | report 'labels that are no classes'
refuses 2 "onnxtune: --new-head: 'x' is not *" m.onnx d.npz --new-head x | report 'no number'
refuses 2 "onnxtune: --new-head: '0' is not *" m.onnx d.npz --new-head 0 | report 'no classes'
helper npz d.npz $x labels/int64/24/mod:5
refuses 1 "onnxtune: d.npz: label 2 of sample 2 is outside 0 to 1 *" m.onnx d.npz --new-head 2 |
	report 'fewer classes than the data has'
refuses 2 "onnxtune: --distill: the model gets a new head, *" m.onnx d.npz -o no.onnx --distill 0.5 |
	report 'a teacher that knows nothing of the new head'
refuses 1 "onnxtune: d.npz: the data has 5 classes, the model tells 3 apart" evaluate m.onnx d.npz |
	report 'evaluation makes no head'

plan
