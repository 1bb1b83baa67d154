#!/bin/sh
# What is written while the command trains: the lines of --log, the event files of --log-dir.
. "$srcdir/tests/cli/lib.sh"

model=$models/mlp/model.onnx
data=$models/mlp/data.npz

# tune WORD...: three epochs of four steps.
tune()
{
	run "$model" "$data" --validation "$data" -b 8 --epochs 3 -f "$@"
}

tune -o plain.onnx --log l.jsonl
wanted 0 | report 'a log of JSON objects'

tune -o o.onnx --log l.csv
{
	wanted 0
	test "$(wc -l <l.csv)" -eq $(($(wc -l <l.jsonl) + 1)) || wc -l l.csv l.jsonl
	head -1 l.csv | grep -vx 'step,epoch,loss,lr,loss_scale,skipped,grad_norm,samples_per_second'
	# each field but the speed is that of the object
	sed 1d l.csv | while IFS=, read -r step epoch loss lr scale skipped norm speed; do
		sed -n "${step}p" l.jsonl | awk -v epoch="$epoch" -v loss="$loss" -v lr="$lr" -v scale="$scale" \
			-v skipped="$skipped" -v norm="$norm" -v speed="$speed" '
			function field(name) { s = $0; sub(".*\"" name "\":", "", s); sub("[,}].*", "", s); return s + 0 }
			field("epoch") != epoch || field("loss") != loss + 0 || field("lr") != lr + 0 ||
			field("loss_scale") != scale + 0 || field("grad_norm") != norm + 0 || skipped != 0 || speed <= 0'
	done
} | report 'a log of comma-separated values'

tune -o o.onnx --profile profile
{
	wanted 0
	cmp o.onnx plain.onnx
	head -1 profile | grep -vxE '12 steps, [0-9]+\.[0-9]{3} s'
	# each layer forward, its weight, and what is before it
	grep -qE '^Gemm +matrix product +96 ' profile || cat profile
	# all that is listed is the whole
	awk 'NR == 1 { all = $3 } / %/ { sub(/ +[0-9.]+ %.*/, ""); sum += $NF }
		END { if (sum - all > 0.02 || all - sum > 0.02) print sum " of " all " seconds" }' profile
	# the parts of the run, in their order, and their sum
	sed -n '/^the whole run/,$p' profile | sed 's/   .*//' >parts
	cat >wanted <<-'EOF'
		the whole run
		start of the program
		model read
		data opened
		planned
		memory taken, weights copied
		output, logs and checkpoints opened
		evaluation before
		steps: evaluations and checkpoints between them
		steps: waiting for data
		steps: the first
		steps: log and progress bar
		steps: the others
		model written
		evaluation after
		all
	EOF
	diff wanted parts
	awk '/^steps: the others/ { if ($(NF - 2) != 11) print "not 11 others: " $0 }
		/^the whole run/ { parts = 1; next }
		parts && /^all/ { if (cpu - $NF > 0.02 || $NF - cpu > 0.02) print cpu " of " $NF " CPU seconds" }
		parts { cpu += $NF }' profile
} | report 'where the time went'

tune -o p.onnx --profile nowhere/profile
{
	wanted 1 'onnxtune: nowhere/profile: cannot be written: No such file or directory; see --profile'
	test ! -e p.onnx || echo 'a model was written'
} | report 'a profile that can not be'

tune -o o.onnx --log-dir runs/one --histograms
{
	wanted 0
	cmp o.onnx plain.onnx
	ls runs/one | grep -v "^events\.out\.tfevents\.[0-9]\{10\}\..*\.[0-9]*\.0\$"
	for tag in train/loss train/lr train/loss_scale train/grad_norm train/samples_per_second \
		validation/loss validation/accuracy validation/weighted_f1 weights/fc1.weight \
		gradients/fc1.weight weight_norm/fc1.bias grad_norm/fc3.bias; do
		grep -qa "$tag" runs/one/* || echo "no $tag"
	done
	# once a step; before, and after each of the three epochs; with histograms after these
	for tag in '12 train/lr' '4 validation/accuracy' '3 weights/fc1.weight'; do
		count=$(grep -ao "${tag#* }" runs/one/* | wc -l)
		test "$count" -eq "${tag%% *}" || echo "$count times ${tag#* }"
	done
} | report 'event files: the scalars, and the same model as without'

# shown FOLDER: what TensorBoard shows of it, without times.
shown()
{
	helper events "$1"/* | grep -v samples_per_second | sort
}
shown runs/one >own.one

tune -o o.onnx --log-dir runs/one -q
{
	wanted 0 ''
	test "$(ls runs/one | wc -l)" -eq 2 || ls runs/one
	grep -la weights/ runs/one/* | wc -l | grep -vx ' *1'
} | report 'a second run gets its own file; histograms are on request'

# A run that had died after its checkpoint at step N (of 12, 4 in an epoch) and goes on.
for at in 0 5 8; do
	every=$((at ? at : 5))
	rm -rf ck
	tune -o o.onnx --log-dir runs/$at --histograms --checkpoint ck --checkpoint-every $every --keep 20
	wanted 0
	for f in ck/*; do
		test "$f" = "ck/$(printf 'step-%012d.npz' $at)" || rm "$f"
	done
	sleep 1 # files are read in the order of their names, which have seconds
	tune -o o.onnx --log-dir runs/$at --histograms --checkpoint ck --resume --checkpoint-every $every
	wanted 0
	test "$(ls runs/$at | wc -l)" -eq 2 || ls runs/$at
	shown runs/$at | diff own.one -
done | report 'event files of a run that goes on have each step once'

refuses 2 'onnxtune: --histograms needs --log-dir; *' "$model" "$data" --histograms -o n.onnx |
	report 'histograms without a folder'
echo >file
refuses 1 'onnxtune: file/sub: can'\''t make this folder: Not a directory' \
	"$model" "$data" --log-dir file/sub -o n.onnx | report 'a folder that can not be'
if test -w /dev/full; then
	ln -s /dev/full full.csv
	tune -o n.onnx --log full.csv -q
	{
		wanted 1 'onnxtune: full.csv: can'\''t write: No space left on device'
		test ! -e n.onnx || echo 'a model is written'
	} | report 'a log that has no room'
fi
plan
