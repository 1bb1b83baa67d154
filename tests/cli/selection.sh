#!/bin/sh
# Evaluations on the way: early stopping, the best weights.
. "$srcdir/tests/cli/lib.sh"

plain | helper model m.onnx
helper npz d.npz x/float32/240,4/random labels/int64/240/mod:3

# values METRIC: what the evaluations of the last run gave, and at which steps.
values()
{
	sed -n "s/^step \([0-9]*\): validation $1 \([^,]*\),.*/\1 \2/p" err
}

# Steps of a rate that is too high go up and down.
wild='--lr 0.3 --schedule constant --warmup 0 --seed 1'

run m.onnx d.npz --steps 60 $wild --patience 3 -o o.onnx --log l.jsonl
{
	wanted 0
	# the definition: the run ends with the third evaluation in a row that is not below the smallest
	values loss | awk '
		over { print "goes on at step " $1 }
		!n || $2 < best { best = $2; waits = -1 }
		{ n++; if (++waits == 3) over = 1; last = $1 }
		END { if (!over) print "it did not end early"; else print "end " last }' >own.end
	grep -v '^end' own.end
	last=$(sed -n 's/^end //p' own.end)
	test "$(wc -l <l.jsonl)" = "$last" || cat err
	grep -q '^no better loss in 3 evaluations: the run ends (--patience)$' err || cat err
	test $((last % 6)) = 0 || echo "no end of an epoch: $last"
} | report 'patience ends a run'

run m.onnx d.npz --steps 60 $wild --patience 3 --min-delta 10 -f -o o.onnx --log l.jsonl
{
	wanted 0
	test "$(wc -l <l.jsonl)" = 24 || cat err # the first is the best, whatever comes
} | report 'what is better by too little does not count'

run m.onnx d.npz --steps 58 $wild --keep-best --eval-every 4 -f -o best.onnx --report r.json --metric macro_f1
{
	wanted 0
	step=$(values macro_f1 | sort -k2,2gr -k1,1n | sed -n '1s/ .*//p')
	test "$(values macro_f1 | wc -l)" = 15 || cat err # and one at the end
	test "$step" -lt 58 || echo 'the last is the best: choose other settings'
	test "$(helper json r.json best.step)" = "$step" || cat r.json
	test "$(helper json r.json best.value)" = "$(helper json r.json after.report.'macro avg'.f1-score)" ||
		helper json r.json best.value after.report
	run m.onnx d.npz --steps "$step" $wild -f -o until.onnx
	cmp best.onnx until.onnx
	ls -d ./*.checkpoint 2>/dev/null
} 2>&1 | report 'the best weights are those of a run that ends there'

run m.onnx d.npz --steps 58 $wild -f -o plain.onnx
run m.onnx d.npz --steps 58 $wild --eval-every 5 -f -o look.onnx
{
	wanted 0
	cmp plain.onnx look.onnx
} 2>&1 | report 'a look changes nothing'

run m.onnx d.npz --steps 3 --lr 10 --warmup 0 -f -o worse.onnx --quiet
{
	wanted 0
	grep -q '^warning: the tuned model is worse than the untuned: loss was [0-9.]* and is [0-9.]*$' err || cat err
} | report 'a model that is worse than before'

refuses 2 "onnxtune: --metric: 'f1': unknown metric; known are accuracy, *" m.onnx d.npz --metric f1 |
	report 'an unknown metric'
refuses 2 "onnxtune: --keep-best needs the folder that --checkpoint=off does without: leave one of them out; *" \
	m.onnx d.npz --keep-best --checkpoint off | report 'the best weights and no place for them'
refuses 2 'onnxtune: --metric=r2: does not apply to this model' m.onnx d.npz --metric r2 --keep-best |
	report 'a metric of another task'
mkdir parts
cp d.npz parts/train.npz
cp d.npz parts/test.npz
refuses 2 'onnxtune: --patience: parts has no validation part to choose by; add one, or give --validation' \
	m.onnx parts --patience 1 | report 'a test set chooses nothing'

plan
