#!/bin/sh
# What oneDNN runs while models train: none of it by its reference implementations, which are slow.
. "$srcdir/tests/cli/lib.sh"

# check MODEL DATA WORD...: problems, one a line. oneDNN says what it runs, one line each.
check()
{
	model=$1 data=$2
	shift 2
	for precision in fp32 bf16; do
		ONEDNN_VERBOSE=1 "$ONNXTUNE" "$model" "$data" --steps 1 --warmup 0 -b 8 -o o.onnx -f --precision $precision \
			"$@" >out 2>err || cat err
		awk -F, '$2 == "exec" && $5 ~ /(^|[:_])(ref|simple)([:_]|$)/ && $4 != "reorder"' out | cut -d, -f 4-10 | sort -u
		seen=$(($(grep -c '^onednn_verbose,.*exec,' out) + seen))
	done
}

seen=0
for name in mlp lenet resnet_frozen resnet_train vit; do
	check "$models/$name/model.onnx" "$models/$name/data.npz" >problems
	report "$name" <problems
done
if ldd "$ONNXTUNE" | grep -q dnnl; then
	test "$seen" -gt 0 || echo 'nothing'
fi | report 'oneDNN says what it runs'
plan
