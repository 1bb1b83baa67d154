#!/bin/sh
# Names with control characters, and bytes that are no UTF-8: they neither drive the terminal nor
# spoil a JSON document.
. "$srcdir/tests/cli/lib.sh"

odd=$(printf 'a\377\033[31m')

# plain_text FILE...: tells of bytes that are not plain text.
plain_text()
{
	LC_ALL=C tr -d '\n -~' <"$1" | od -c | sed '$d'
}

plain | sed 's/fc x w b/fc%1b[2J x w%ff%1b[2J b/; s/tensor w/tensor w%ff%1b[2J/' | helper model "$odd.onnx"
helper npz "$odd.npz" x/float32/24,4/random labels/int64/24/mod:3

for command in tune evaluate inspect gradcheck; do
	data="$odd.npz"
	test $command != inspect || data=
	extra=
	test $command != tune || extra='--steps 1'
	run $command "$odd.onnx" ${data:+"$data"} --json $extra
	{
		wanted 0
		test "$(helper json out model)" = '"a??[31m.onnx"' || cat -v out
		plain_text out
		plain_text err
	} 2>&1 | report "$command: a JSON document"
done

for command in evaluate inspect gradcheck; do
	data="$odd.npz"
	test $command != inspect || data=
	run $command "$odd.onnx" ${data:+"$data"}
	{
		wanted 0
		plain_text out
		plain_text err
	} | report "$command: a text"
done

# The path of the output is told as it is.
run "$odd.onnx" "$odd.npz" --steps 1 -f -o "$odd.new.onnx"
{
	wanted 0
	test "$(tail -n 1 out)" = "$odd.new.onnx" || tail -n 1 out | cat -v
	test -s "$odd.new.onnx" || ls | cat -v
} | report 'tune: a path'

{
	plain | sed '/^input/d; s/w float32 4,3/w float32 64,3/; s/fc x w/fc f w/; /^node/d; /^output/d'
	echo 'input x float32 N,1,8,8'
	echo 'node Flatten fl x -> f'
	echo 'node Gemm fc f w b -> logits'
	echo 'output logits'
} | helper model m.onnx
helper pictures folder 3 10 8 8
mv folder/c0 "folder/$odd"
echo none >"folder/$odd/1.png"
run m.onnx folder --steps 1 -o o.onnx --report r.json
{
	wanted 0
	grep -q '^class 0: folder .a??\[31m., ' err || cat err
	grep -q '^ *a??\[31m ' out || cat out
	test "$(helper json r.json mapping.0.folder before.classes.0)" = "$(printf '"a??[31m"\n"a??[31m"')" || cat r.json
	sed '$d' out >own.out
	plain_text own.out
	plain_text err
} 2>&1 | report 'class folders'

plan
