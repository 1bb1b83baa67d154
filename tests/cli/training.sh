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

for optimizer in sgd adam adamw rmsprop 'rmsprop --centered' adagrad nadam lamb lion adafactor; do
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

# ---- the range test ----

tune --steps 40 --lr auto -o found.onnx
{
	wanted 0
	rate=$(sed -n 's/^--lr=auto: \(.*\), where the loss fell fastest$/\1/p' err)
	echo "$rate" | awk '!($1 > 1e-6 && $1 < 1) { print "the rate is " $1 }'
	tune --steps 40 --lr "$rate" -o given.onnx
	cmp found.onnx given.onnx
} | report 'the rate is found, and nothing else stays of the search'
tune --steps 3 --lr auto --batch-norm train -f -o o.onnx
wanted 0 | report 'fewer steps than the search has'

# ---- unequal classes ----

plain | helper model m.onnx
helper npz d.npz x/float32/40,4/random labels/int64/40/=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,1,2,2,2,2
classes="m.onnx d.npz --steps 3 -b 40 --validation d.npz -f -o o.onnx --log l.jsonl --no-shuffle"

# first: the loss of the first step.
first()
{
	head -n 1 l.jsonl | sed 's/.*"loss":\([^,}]*\).*/\1/'
}

run $classes
first >own.plain
run $classes --class-weights auto
{
	wanted 0
	grep -qx 'class weights: 0 = 0.404, 1 = 4.444, 2 = 3.333' err || cat err
	test "$(first)" != "$(cat own.plain)" || echo 'the loss is that without weights'
	first >own.auto
} | report 'class weights are balanced'
printf '# by hand\n0=0.4040404\n\n1=4.4444444\n2=3.3333333\n' >weights
run $classes --class-weights weights
first >own.file
run $classes --class-weights 0=0.4040404,1=4.4444444,2=3.3333333
{
	wanted 0
	test "$(first)" = "$(cat own.file)" || echo "$(first), not $(cat own.file)"
	paste own.file own.auto | awk '{ d = $1 - $2; exit !(d < 1e-6 && d > -1e-6) }' || paste own.file own.auto
} | report 'class weights by name and from a file'
for case in "2 yes=1 there is no class 'yes'" \
	"2 0=-1 '0=-1' is not NAME=WEIGHT with a weight of at least 0" \
	'2 0=0,1=0,2=0 every class of the training data has the weight 0' \
	'1 absent absent: No such file or directory'; do
	rest=${case#* }
	refuses "${case%% *}" "onnxtune: --class-weights: ${rest#* }" $classes -o n.onnx \
		--class-weights "${rest%% *}"
done | report 'class weights that are wrong'

run $classes --sampling balanced
{
	wanted 2 'onnxtune: --sampling=balanced draws samples at random: leave --no-shuffle out; see onnxtune --help'
} | report 'balanced sampling is random'
run m.onnx d.npz --epochs 4 -b 8 --validation d.npz -f -o a.onnx --sampling balanced --decoders 2
run m.onnx d.npz --epochs 4 -b 8 --validation d.npz -f -o b.onnx --sampling balanced --seed 1
run m.onnx d.npz --epochs 4 -b 8 --validation d.npz -f -o c.onnx --sampling balanced
{
	wanted 0
	cmp a.onnx c.onnx
	cmp -s a.onnx b.onnx && echo 'the seed does not matter'
} | report 'balanced sampling follows the seed'

# ---- averages ----

tune --steps 20 --lr 0.01 --validation "$data" -o w.onnx --report w.json
tune --steps 20 --lr 0.01 --validation "$data" -o a.onnx --report a.json --ema 0.9
{
	wanted 0
	run evaluate a.onnx "$data" --json
	test "$(helper json out evaluation.loss)" = "$(helper json a.json after.loss)" ||
		echo "written: $(helper json out evaluation.loss), reported: $(helper json a.json after.loss)"
	test "$(helper json w.json after.loss)" != "$(helper json a.json after.loss)" || echo 'no averages'
} | report 'averages are evaluated and written'

# ---- losses ----

run $classes --loss focal:0
{
	wanted 0
	test "$(first)" = "$(cat own.plain)" || echo "$(first), not $(cat own.plain)"
	run $classes --loss focal
	test "$(first)" != "$(cat own.plain)" || echo 'focal changes nothing'
	run $classes --label-smoothing 0.1
	test "$(first)" != "$(cat own.plain)" || echo 'smoothing changes nothing'
} | report 'focal loss and label smoothing'
run $classes --distill 1 --optimizer sgd
{
	wanted 0
	sed 's/.*"grad_norm":\([^,}]*\).*/\1/' l.jsonl | awk '!($1 < 1e-5) { print "gradient norm " $1 }'
} | report 'the untuned model alone teaches nothing'
refuses '2' 'onnxtune: --label-smoothing is for cross-entropy, not --loss=bce*' $classes -o n.onnx \
	--loss bce --label-smoothing 0.1 | report 'label smoothing of another loss'
mse="$models/mlp_mse/model.onnx $models/mlp_mse/data.npz"
refuses '1' 'onnxtune: *: --loss=focal is not for the loss mse' $mse -o n.onnx --loss focal |
	report 'focal loss of values'

plan
