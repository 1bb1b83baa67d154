#!/bin/sh
# tune and evaluate from end to end: reports, logs, gates, what is written.
. "$srcdir/tests/cli/lib.sh"

usps=$demo/ccexam_usps.onnx
digits=$demo/digits16

# metric FILE PATH: a number of a JSON document, or nothing.
metric()
{
	helper json "$1" "$2"
}

# ---- the whole, once ----

run "$usps" "$digits" --steps 12 -o o.onnx --report r.json --log l.jsonl --seed 3
cp out own.first
cp err own.notes
{
	wanted 0
	told
	head -n 1 out | grep -qx 'Before tuning' || head -n 1 out
	grep -qx 'After tuning' out || cat out
	test "$(grep -c '^    accuracy  *0\.[0-9][0-9]  *597$' out)" = 2 || cat out
	grep -q '^accuracy  *0\.[0-9]* ->  *0\.[0-9]*$' out || cat out
	test "$(tail -n 1 out)" = o.onnx || tail -n 1 out
	grep -q '^Epoch 1/1: 100% 12/12 ' err || cat err
	test -s o.onnx || echo 'nothing is written'
} | report 'reports before and after, and the path last'

{
	helper json r.json version command model data steps skipped seconds output >own.keys
	before=$(metric r.json before.report.accuracy)
	after=$(metric r.json after.report.accuracy)
	echo "$before $after" | awk '{ exit !($1 > 0.6 && $2 > $1 + 0.1) }' || echo "$before to $after"
	test "$(metric r.json steps)" = 12 || metric r.json steps
	test "$(metric r.json output)" = '"o.onnx"' || metric r.json output
} 2>&1 | report 'a report as JSON'

{
	test "$(helper lines l.jsonl step epoch loss lr loss_scale skipped grad_norm samples_per_second)" = 12 ||
		cat l.jsonl
	head -n 1 l.jsonl | grep -q '^{"step":1,"epoch":1,' || head -n 1 l.jsonl
	tail -n 1 l.jsonl | grep -q '^{"step":12,"epoch":1,' || tail -n 1 l.jsonl
} 2>&1 | report 'a line of the log for each step'

run "$usps" "$digits" --steps 12 -o again.onnx --report r.txt --seed 3
{
	wanted 0
	cmp o.onnx again.onnx
	sed '$d' own.first | cmp - r.txt
} | report 'the same seed gives the same bytes; a report as text'

run "$usps" "$digits" --steps 2 -o other.onnx --seed 4
{
	wanted 0
	cmp -s o.onnx other.onnx && echo 'the same'
} | report 'another seed gives another model'

run evaluate o.onnx "$digits" --json --quiet
{
	wanted 0 ''
	helper json out version command model data >own.keys
	after=$(metric r.json after.report.accuracy)
	test "$(metric out evaluation.report.accuracy)" = "$after" || metric out evaluation.report.accuracy
	test "$(metric out evaluation.loss)" = "$(metric r.json after.loss)" || metric out evaluation.loss
} 2>&1 | report 'evaluation of the written model gives the same report'

run "$usps" "$digits" --steps 1 --json -o j.onnx
{
	wanted 0
	test "$(metric out output)" = '"j.onnx"' || cat out
	helper json out before.report.accuracy after.report.accuracy before.loss >own.keys
} 2>&1 | report 'one JSON document on the standard output'

run "$usps" "$digits" --steps 1 --quiet -f -o j.onnx
{
	wanted 0 ''
	test "$(tail -n 1 out)" = j.onnx || tail -n 1 out
} | report 'quiet'

# ---- gates ----

run evaluate "$usps" "$digits" --fail-under accuracy=0.5 --fail-under loss=5
{
	wanted 0
	told
} | report 'gates that are passed'
run evaluate "$usps" "$digits" --fail-under accuracy=0.99 --fail-under macro_f1=0.98 --fail-under loss=5
{
	wanted 3
	case $(told) in
	'onnxtune: accuracy is 0.73'*', --fail-under asks for 0.99
onnxtune: macro_f1 is 0.7'*', --fail-under asks for 0.98') ;;
	*) cat err ;;
	esac
} | report 'gates that are not'
run "$usps" "$digits" --steps 1 -f -o j.onnx --fail-under accuracy=1
{
	wanted 3
	test -s j.onnx || echo 'nothing is written'
	test "$(tail -n 1 out)" = j.onnx || tail -n 1 out
} | report 'a gate of tune: the model is written all the same'
refuses 2 "onnxtune: --fail-under: *accuraci*; see onnxtune --help" evaluate "$usps" "$digits" \
	--fail-under accuraci=1 | report 'a gate of an unknown metric'

# ---- nothing but the trained tensors changes ----

helper pictures pictures 2 8 48 192
for m in "$demo"/*.onnx "$models"/*/model.onnx "$models"/mlp/variants/*.onnx; do
	data=${m%/model.onnx}/data.npz size=
	case $m in
	*/ccexam*) data=$digits ;;
	*/ppocr*) data=pictures size=--image-size=48x192 ;;
	*/variants/*) data=$models/mlp/data.npz ;;
	esac
	mkdir -p zero
	run "$m" "$data" --steps 0 $size -f -o zero/o.onnx
	wanted 0
	test "$status" = 0 || cat err
	cmp "$m" zero/o.onnx
	for d in zero/*; do
		test "$d" = zero/o.onnx || cmp "${m%/*}/${d##*/}" "$d"
	done
	rm -r zero
done | report 'no step: every model comes back byte for byte'

# ---- options ----

run "$models/lenet/model.onnx" "$models/lenet/data.npz" --steps 3 --batch-size 32 --optimizer sgd \
	--no-shuffle -o whole.onnx --micro-batch 32
wanted 0 >own.whole
run "$models/lenet/model.onnx" "$models/lenet/data.npz" --steps 3 --batch-size 32 --optimizer sgd \
	--no-shuffle -o parts.onnx --micro-batch 8
{
	cat own.whole
	wanted 0
	distance=$(helper distance whole.onnx parts.onnx)
	moved=$(helper distance whole.onnx "$models/lenet/model.onnx")
	echo "$distance $moved" | awk '{ exit !($1 < 1e-5 * $2) }' ||
		echo "$distance apart, moved by $moved"
} 2>&1 | report 'micro-batches give what the whole batch gives'

for precision in fp16 bf16; do
	run "$usps" "$digits" --steps 10 --precision $precision -f -o p.onnx --log l.jsonl --report r.json
	{
		wanted 0
		told
		test "$(wc -c <p.onnx)" = "$(wc -c <"$usps")" || echo 'another size'
		metric r.json after.report.accuracy | awk '{ exit !($1 > 0.8) }' || metric r.json after.report.accuracy
		test "$(helper lines l.jsonl step epoch loss lr loss_scale skipped grad_norm samples_per_second)" = 10
	} 2>&1 | report "$precision"
done

run "$usps" "$digits" --steps 1 --precision fp16 --loss-scale 1e30 -f -o p.onnx --log l.jsonl
{
	wanted 0
	grep -q '"skipped":true' l.jsonl || cat l.jsonl
	grep -q '^warning: no step changed the model' err || cat err
	cmp "$usps" p.onnx
} | report 'a step that overflows is skipped'
run "$usps" "$digits" --precision fp16 --loss-scale 1e30 --max-skips 3 -o skips.onnx
{
	wanted 1
	case $(told) in
	'onnxtune: step 4: gradients were not finite 4 times in a row; lower --lr, or use --precision fp32') ;;
	*) cat err ;;
	esac
	ls skips.onnx 2>own.ls
} | report 'too many skipped steps'

run "$usps" "$digits" --steps 2 --lr 1e30 --warmup 0 -o broken.onnx
{
	wanted 0
	grep -q '^warning: broken.onnx: its loss is not finite any more; lower --lr$' err || cat err
} | report 'a learning rate that breaks the model'
run "$usps" "$digits" --steps 4 --lr 1e30 --warmup 0 --clip-norm off -f -o broken.onnx --log l.jsonl
{
	wanted 0
	grep -q '"skipped":true' l.jsonl || cat l.jsonl
	test "$(grep -c '^warning: step [2-4]: skipped from the first gradient on that was not finite; what' err)" = 1 ||
		cat err
} | report 'and where each parameter is updated by itself'

run "$demo/ccexam_usps_bn.onnx" "$digits" --steps 4 --batch-norm train --batch-size 30 -o bn.onnx
{
	wanted 0
	told
	helper distance bn.onnx "$demo/ccexam_usps_bn.onnx" | awk '{ exit !($1 > 1e-3) }' || echo 'not trained'
} | report 'statistics of BatchNormalization are trained'

run "$usps" "$digits" --steps 1 --freeze '*' --train 'no such' -o f.onnx
{
	wanted 2
	case $(told) in
	"onnxtune: "*"--train 'no such' matches no float constant; see onnxtune inspect") ;;
	*) cat err ;;
	esac
} | report 'a pattern that matches nothing'
plain | helper model m.onnx
helper npz d.npz x/float32/24,4/random labels/int64/24/mod:3
run m.onnx d.npz --freeze w --steps 3 -o f.onnx
{
	wanted 0
	grep -q '^training 1 tensors, 3 numbers, ' err || cat err
} | report 'freeze'
run m.onnx d.npz --freeze '*' --train w --steps 3 -f -o f.onnx
{
	wanted 0
	grep -q '^training 1 tensors, 12 numbers, ' err || cat err
} | report 'train'

printf 'red\ngreen\nblue\n' >names
run evaluate m.onnx d.npz --labels names
{
	wanted 0
	for name in red green blue; do
		grep -q "^ *$name  *[01]" out || cat out
	done
} | report 'names of classes'

printf 'steps = 3\nlr = 0.01\nquiet = yes\n' >conf
run m.onnx d.npz --config conf --log l.jsonl -f -o f.onnx
{
	wanted 0
	grep -v '^warning: the tuned model is worse than the untuned: ' err
	test "$(wc -l <l.jsonl)" = 3 || cat l.jsonl
	grep -q '"lr":0.01,' l.jsonl || cat l.jsonl
} | report 'a configuration file'

for pass in bind batch-norm loss precision gradient layout; do
	run m.onnx d.npz --steps 0 --dump-after $pass -f -o f.onnx
	wanted 0
	grep -qx "after $pass:" err || cat err
done | report 'graphs after passes'
run evaluate m.onnx d.npz --dump-after bind
{
	wanted 0
	grep -qx 'after bind:' err || cat err
} | report 'the graph of an evaluation'
refuses 2 "onnxtune: --dump-after: 'end' is not one of *; see onnxtune --help" m.onnx d.npz --dump-after end |
	report 'an unknown pass'

# ---- losses and labels ----

sigmoid='s/w float32 4,3/w float32 4,1/; s/b float32 3/b float32 1/; s/^node Softmax.*/node Sigmoid s logits -> probs/'
plain | sed "$sigmoid" | helper model s.onnx
for type in int64 float32 uint8; do
	for dims in 24 24,1; do
		helper npz b.npz x/float32/24,4/random labels/$type/$dims/mod:2
		run s.onnx b.npz --steps 3 -f -o f.onnx
		wanted 0
		told
		grep -q 'by bce' err || cat err
		grep -q '^accuracy' out || cat out
	done
done | report 'labels 0 and 1 for a single sigmoid'

plain | sed "$sigmoid; /^node Sigmoid/d; s/^output.*/output logits/" | helper model v.onnx
for dims in 24 24,1; do
	helper npz v.npz x/float32/24,4/random labels/float32/$dims/random
	run v.onnx v.npz --steps 3 -f -o f.onnx
	wanted 0
	told
	grep -q 'by mse' err || cat err
	grep -q '^mse ' out || cat out
done | report 'values for a single output'
helper npz v.npz x/float32/24,4/random labels/int64/24/mod:3
run v.onnx v.npz --loss mse --steps 3 -f -o f.onnx
{
	wanted 0
	told
	grep -q 'by mse' err || cat err
} | report 'whole numbers as values'

plain | sed 's/^node Softmax.*/node Sigmoid s logits -> probs/' | helper model t.onnx
helper npz t.npz x/float32/24,4/random labels/float32/24,3/=0,1,1,0
run t.onnx t.npz --steps 3 -f -o f.onnx
{
	wanted 0
	told
	grep -q 'samples avg' out || cat out
} | report 'several labels for a sample'

{ plain; printf 'output logits\noutput hidden\nnode Relu r logits -> hidden\n'; } | helper model n.onnx
run n.onnx d.npz --steps 3 -f -o f.onnx
{
	wanted 0
	told
	grep -q "^of 3 outputs only 'probs' is trained and evaluated" err || cat err
} | report 'several outputs'

plain | sed 's/input x float32 N,4/input x float32 5,4/' | helper model fixed.onnx
run fixed.onnx d.npz --steps 3 -f -o f.onnx
{
	wanted 0
	told
	grep -q 'exported for batches of 5' err || cat err
} | report 'a model for a fixed batch'
refuses 2 'onnxtune: --micro-batch 4: the model is exported for batches of 5' fixed.onnx d.npz --micro-batch 4 |
	report 'a micro-batch that a fixed batch does not allow'

plan
