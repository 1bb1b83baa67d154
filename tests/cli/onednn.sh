#!/bin/sh
# What oneDNN runs while models train: none of it by its reference implementations, which are slow, and
# all that it generates code for, which takes most of a start, once: training and evaluation share it.
. "$srcdir/tests/cli/lib.sh"

# check MODEL DATA WORD...: problems, one a line. oneDNN says what it runs, one line each.
check()
{
	model=$1 data=$2
	shift 2
	for precision in fp32 bf16; do
		ONEDNN_VERBOSE=2 "$ONNXTUNE" "$model" "$data" --steps 1 --warmup 0 -b 8 -o o.onnx -f --precision $precision \
			"$@" >out 2>err || cat err
		awk -F, '$2 == "exec" && $5 ~ /(^|[:_])(ref|simple)([:_]|$)/ && $4 != "reorder"' out | cut -d, -f 4-10 | sort -u
		sed -n 's/,[^,]*$//; s/^onednn_verbose,create:cache_miss,/generated again: /p' out | sort | uniq -d
		generated=$(($(grep -c '^onednn_verbose,create:cache_miss,' out) + generated))
		seen=$(($(grep -c '^onednn_verbose,.*exec,' out) + seen))
	done
}

seen=0 generated=0
for name in mlp lenet resnet_frozen resnet_train vit; do
	check "$models/$name/model.onnx" "$models/$name/data.npz" >problems
	report "$name" <problems
done
if ldd "$ONNXTUNE" | grep -q dnnl; then
	test "$seen" -gt 0 || echo 'nothing'
	test "$generated" -gt 0 || echo 'nothing is generated'
fi | report 'oneDNN says what it runs'
plan
