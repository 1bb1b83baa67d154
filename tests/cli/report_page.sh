#!/bin/sh
# --report FILE.html: one page with all that a run has to tell, whatever things are named.
. "$srcdir/tests/cli/lib.sh"

{
	echo 'opset 13'
	echo 'input x float32 N,1,8,8'
	echo 'tensor w float32 64,3'
	echo 'tensor b float32 3'
	echo 'node Flatten flat x -> f axis=1'
	echo 'node Gemm fc f w b -> logits'
	echo 'output logits'
} | helper model m.onnx
helper pictures photos 3 20 8 8
hostile='"><script>alert(1)<'
mv photos/c1 "photos/$hostile"

# page FILE: what must be so on every page.
page()
{
	grep -ciE '<script|https?:|url\(|<link|src="[^d]' "$1" | grep -v '^0$'
	head -1 "$1" | grep -vx '<!DOCTYPE html>'
	tail -1 "$1" | grep -vx '</html>'
}

run m.onnx photos --image-size 8 --steps 20 --batch-size 6 -f -o plain.onnx
run m.onnx photos --image-size 8 --steps 20 --batch-size 6 -f -o o.onnx --report r.html
{
	wanted 0
	cmp o.onnx plain.onnx
	page r.html
	grep -c '<svg' r.html | grep -vx 2
	for text in 'm.onnx, fine-tuned' '<b>macro average</b>' '&quot;&gt;&lt;script&gt;alert(1)&lt;' \
		'Rows: true class' '<th>--batch-size</th><td>6</td><td>command line</td>' \
		'<th>--seed</th><td>0</td><td>default</td>' 'time of the steps' 'images: size'; do
		grep -qF -e "$text" r.html || echo "no $text"
	done
} | report 'tune: a page'

# A model that is always wrong about one of three classes.
{
	echo 'opset 13'
	echo 'input x float32 N,1,8,8'
	echo 'tensor w float32 64,3 =0'
	echo 'tensor b float32 3 =9,0,0'
	echo 'node Flatten flat x -> f axis=1'
	echo 'node Gemm fc f w b -> logits'
	echo 'output logits'
} | helper model m.onnx
echo 'quiet = yes' >my.conf
run evaluate m.onnx photos --image-size 8 --report r.html --config my.conf
{
	wanted 0 ''
	page r.html
	grep -q '<svg' r.html && echo 'curves of nothing'
	grep -q '<th>--quiet</th><td>yes</td><td>my.conf</td>' r.html || echo 'no source'
	grep -q ' wrong predictions' r.html || echo 'no mistakes'
	grep -o '<img [^>]*src="data:image/jpeg;base64,/9j/' r.html | wc -l | grep -vx ' *24'
	test "$(tail -c 30 out)" != "$(tail -c 30 r.html)" || echo 'the page is on the standard output'
} | report 'evaluate: a page with the pictures of its mistakes'

helper npz d.npz x/float32/24,1,8,8/random labels/int64/24/mod:3
run evaluate m.onnx d.npz --report r.html
{
	wanted 0
	page r.html
	grep -o '<img [^>]*src="data:image/jpeg;base64,/9j/' r.html | wc -l | grep -vx ' *16'
	grep -q '<small title="sample 1">sample 1</small>' r.html || echo 'no sample 1'
} | report 'arrays that are pictures are shown'

# Several labels: class 0 is told of every sample, the others of none; each sample has its worst class.
helper npz d.npz x/float32/24,1,8,8/random labels/int64/24,3/mod:2
run evaluate m.onnx d.npz --report r.html
{
	wanted 0
	page r.html
	grep -q '24 of 24 samples with a class that is missed or not there' r.html || grep 'Worst' r.html
	{ tr '\n' ' ' <r.html; echo; } | sed 's/<figure>/\n/g' | sed -n 's/^.*<b>\([0-9]\)<.b> \([0-9.]*\) %<br><b class="bad">\([a-z ]*\)<.*sample \([0-9]*\)<.small.*/\1 \2 \3 \4/p' >own.list
	for i in 0 2 4 6 8 10 12 14 16 18 20 22; do echo "0 100.0 not there $i"; done >own.wanted
	for i in 1 3 5 7 9 11 13 15 17 19 21 23; do echo "2 50.0 missed $i"; done >>own.wanted
	diff own.wanted own.list
} | report 'mistakes in several labels'

refuses 1 'onnxtune: none/r.html: can'\''t write: *' evaluate m.onnx d.npz --report none/r.html |
	report 'a page that can not be written'
plan
