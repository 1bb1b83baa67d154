#!/bin/sh
# How the command trains: every optimizer and every schedule, from the option to the log.
. "$srcdir/tests/cli/lib.sh"

model=$models/mlp/model.onnx
data=$models/mlp/data.npz

# tune WORD...: a short run with a log.
tune()
{
	run "$model" "$data" -b 8 -f -o o.onnx --log l.jsonl "$@"
}

# field NAME: that of each line of the log.
field()
{
	sed 's/.*"'"$1"'":\([^,}]*\).*/\1/' l.jsonl
}

for optimizer in sgd adam adamw rmsprop adagrad nadam lamb lion adafactor; do
	tune --optimizer $optimizer --steps 60
	wanted 0
	field loss | awk -v o=$optimizer 'NR <= 4 { first += $1 } NR > 56 { last += $1 }
		END { if (!(last < first)) print o ": from " first / 4 " to " last / 4 }'
done | report 'every optimizer learns'

# rates SCHEDULE WANTED: the rates of six steps at a peak of 1.
rates()
{
	tune --optimizer sgd --clip-norm 1e-6 --lr 1 --warmup 0 --steps 6 --schedule "$1"
	wanted 0
	field lr | awk '{ printf "%s%.4g", s, $1; s = " " } END { print "" }' >own.rates
	test "$(cat own.rates)" = "$2" || echo "$1: $(cat own.rates)"
}
{
	rates constant '1 1 1 1 1 1'
	rates step:2 '1 1 0.1 0.1 0.01 0.01'
	rates step:0.5,0.5 '1 1 1 0.5 0.5 0.5'
	rates polynomial:1 '1 0.8333 0.6667 0.5 0.3333 0.1667'
	rates restarts:3 '1 0.5 1 0.5 1 0.5'
	rates wsd:2 '1 1 1 1 1 0.5'
} | report 'the rates of each schedule'

# A rate that does nothing: no epoch is better than the first.
tune --optimizer sgd --clip-norm 1e-9 --lr 0.5 --warmup 0 --epochs 6 --schedule plateau:0.1,1 \
	--validation "$data"
{
	wanted 0
	test "$(grep -c '^validation: 100%' err)" = 5 || cat err
	test "$(grep -c '^epoch [35]: validation loss .*: learning rate times 0.1$' err)" = 2 || cat err
	test "$(field lr | uniq -c | awk '{ printf "%d of %.3g ", $1, $2 }')" = \
		'12 of 0.5 8 of 0.05 4 of 0.005 ' || field lr
} | report 'plateau evaluates after each epoch and lowers the rate'

mkdir -p split
cp "$data" split/train.npz
cp "$data" split/test.npz
refuses 2 'onnxtune: --schedule=plateau: split has no validation part*' \
	"$model" split --schedule plateau --steps 9 -o n.onnx |
	report 'plateau never looks at a test set'

plan
