#!/bin/sh
# --memory: smaller micro-batches, and what is refused.
. "$srcdir/tests/cli/lib.sh"

model=$models/resnet_frozen/model.onnx
data=$models/resnet_frozen/data.npz

# bytes WORD...: what inspect plans, for batches of 24.
bytes()
{
	run inspect "$model" --batch-size 24 --json "$@"
	helper json out memory.total
}

tune()
{
	run "$model" "$data" --batch-size 24 --steps 4 --no-shuffle --optimizer sgd -f "$@"
}

whole=$(bytes)
part=$(bytes --micro-batch 8)
one=$(bytes --micro-batch 1)
{
	test "$one" -gt 1000 && test "$part" -gt "$one" && test "$whole" -gt "$part" ||
		echo "$one $part $whole"
	# with a batch of the loader, that a plan has room for
	some=$(bytes --memory $((part + part / 2)))
	test "$some" -ge "$part" && test "$some" -le $((part + part / 2)) || echo "$some"
	test "$(helper json out micro_batch)" = 12 ||
		helper json out micro_batch
	grep -q '^memory: micro-batches of 12 samples, .* the 24 of a batch' err || cat err
} 2>&1 | report 'the plan is made smaller'

tune -o whole.onnx --log whole.jsonl --memory auto
{
	wanted 0
	grep '^memory:' err
} | report 'what fits stays whole'
tune -o part.onnx --log part.jsonl --memory $((part + part / 2))
{
	wanted 0
	grep -q '^memory: micro-batches of 12 samples' err || cat err
	distance=$(helper distance whole.onnx part.onnx)
	moved=$(helper distance whole.onnx "$model")
	echo "$distance $moved" | awk '{ exit !($2 > 0 && $1 < 1e-5 * $2) }' ||
		echo "$distance apart, moved by $moved"
	test "$(wc -l <part.jsonl)" = 4 || cat part.jsonl
	sed 's/.*"loss":\([^,]*\),.*/\1/' whole.jsonl >own.whole
	sed 's/.*"loss":\([^,]*\),.*/\1/' part.jsonl | paste own.whole - |
		awk '{ d = $1 - $2; if (d > 1e-5 * $1 || d < -1e-5 * $1) print }'
} 2>&1 | report 'smaller micro-batches train to the same losses'

early=$(bytes --clip-norm off)
{
	test "$early" -lt "$whole" || echo "$early $whole"
	test "$(helper json out memory.gradients)" = 0 || helper json out memory.gradients
	test "$(bytes --clip-norm off --micro-batch 8)" = "$part" || cat out
	test "$(helper json out memory.gradients)" -gt 0 || helper json out memory.gradients
	tune -o early.onnx --log early.jsonl --clip-norm off
	wanted 0
	tune -o part.onnx --log part.jsonl --clip-norm off --memory $((part + part / 2))
	wanted 0
	tune -o late.onnx --log late.jsonl --clip-norm off --log-dir events --histograms
	wanted 0
	cmp early.onnx late.onnx
	for log in early part late; do
		sed 's/.*"loss":\([^,]*\),.*/\1/' $log.jsonl >own.$log
	done
	cmp own.early own.late
	paste own.early own.part | awk '{ d = $1 - $2; if (d > 1e-5 * $1 || d < -1e-5 * $1) print }'
} 2>&1 | report 'a step of one micro-batch keeps no gradients where none are clipped'

few='onnxtune: a micro-batch of 1 takes * of memory, --memory is 1.0 KiB (--memory=1M would do)'
refuses 1 "$few" "$model" "$data" --memory 1K | report 'not even one sample fits'
refuses 1 "$few" evaluate "$model" "$data" --memory 1K | report 'nor does one to evaluate'
refuses 1 "$(echo "$few" | sed 's/of 1 /of 7 /'); one sample takes *" \
	"$model" "$data" --memory 1K --micro-batch 7 | report 'a micro-batch by hand is not changed'
refuses 1 "$(echo "$few" | sed 's/of 1 /of 8 /'); one sample takes *" \
	"$model" "$data" --batch-size 24 --memory 1K --accumulate 3 | report 'nor is --accumulate'
refuses 1 '*takes *; --micro-batch=12 would do' "$model" "$data" --batch-size 24 \
	--micro-batch 24 --memory $((part + part / 2)) | report 'the micro-batch that fits is told'
refuses 1 '*takes *; --accumulate=2 would do' "$model" "$data" --batch-size 24 \
	--accumulate 1 --memory $((part + part / 2)) | report 'or how many make a step'
refuses 1 '*; the model is exported for this batch' "$models/lenet_fixed/model.onnx" \
	"$models/lenet_fixed/data.npz" --memory 1K | report 'nor is that of a model for a fixed batch'

run evaluate "$model" "$data" --batch-size 24 --quiet --json
{
	wanted 0 ''
	whole=$(helper json out evaluation.loss)
	run evaluate "$model" "$data" --batch-size 24 --memory 500K --json
	wanted 0
	grep -q '^memory: ' err || cat err
	loss=$(helper json out evaluation.loss)
	echo "$whole $loss" | awk '{ d = $1 - $2; exit d > 1e-6 * $1 || d < -1e-6 * $1 }' ||
		echo "$whole $loss"
} 2>&1 | report 'an evaluation in less memory'

plan
