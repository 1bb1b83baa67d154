#!/bin/sh
# What fine-tuning forgets, without and with the untuned model as teacher: the demo's classifier is
# tuned on nine scripts, then looked at on English, which it knew.
#
#   bench/forgetting.sh ONNXTUNE [STEPS [SEED...]]      one line for each run, then means
set -eu
onnxtune=$(realpath "${1:?usage: bench/forgetting.sh ONNXTUNE [STEPS [SEED...]]}")
steps=${2:-100}
if test $# -gt 2; then shift 2; else set -- 1 2 3 4 5; fi
demo=$(realpath "$(dirname "$0")/../data/demo")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for f in orient-scripts english; do tar -xf "$demo/$f.tar" -C "$work"; done
images='--image-size 48x192 --resize pad:left --channels grey --mean 0.5 --std 0.5 --quiet'

# accuracy MODEL DATA
accuracy()
{
	"$onnxtune" evaluate "$1" "$work/$2" $images --json |
		tr -d ' \n' | sed 's/.*"evaluation":{.*"accuracy":\([0-9.]*\).*/\1/'
}

echo "untuned - $(accuracy "$demo/ppocr_cls.onnx" orient-scripts) $(accuracy "$demo/ppocr_cls.onnx" english)"
for teacher in off 0.1:2 0.5:2 0.9:2; do
	for seed; do
		"$onnxtune" "$demo/ppocr_cls.onnx" "$work/orient-scripts" $images --steps "$steps" \
			--seed "$seed" --distill "$teacher" --force -o "$work/tuned.onnx" >/dev/null
		echo "$teacher $seed $(accuracy "$work/tuned.onnx" orient-scripts) $(accuracy "$work/tuned.onnx" english)"
	done
done | awk '
	{ print; n[$1]++; a[$1] += $3; b[$1] += $4 }
	END { for (t in n) printf "mean of --distill %s: scripts %.4f, English %.4f\n", t, a[t] / n[t], b[t] / n[t] }'
