#!/bin/sh
# Training on CSV files, on images listed in one, on IDX files and on WebP pictures.
. "$srcdir/tests/cli/lib.sh"

plain | helper model m.onnx

# table N SEED LABEL: samples of four numbers; the class is that of the largest of the first three.
table()
{
	awk -v n="$1" -v seed="$2" -v label="$3" 'BEGIN {
		srand(seed)
		split("setosa versicolor \"vir,ginica\"", name)
		print "a,b," label ",c,d"
		for (i = 0; i < n; i++) {
			for (k = 1; k <= 4; k++) x[k] = rand() * 2 - 1
			best = x[1] > x[2] ? 1 : 2
			best = x[3] > x[best] ? 3 : best
			printf "%.4f,%.4f,%s,%.4f,%.4f\n", x[1], x[2], name[best], x[3], x[4]
		}
	}'
}

mkdir iris
table 200 1 species >iris/train.csv
table 60 2 species >iris/val.csv

run m.onnx iris --label-column species -o o.onnx --lr 0.1 --report r.json
{
	wanted 0
	told
	grep -qx "class 2: label 'vir,ginica', labels in byte order" err || cat err
	grep -q '^ *setosa  *[01]\.' out || cat out
	helper json r.json before.report.accuracy after.report.accuracy | tr '\n' ' ' |
		awk '{ exit !($1 < 0.6 && $2 > 0.9) }' || cat out
} | report 'a table with names of classes'

run evaluate o.onnx iris --label-column species --json --quiet
cp out own.table
{
	wanted 0 ''
	# the same samples as arrays
	awk -F'[,"]+' 'NR > 1 { printf "%s%s,%s,%s,%s", (NR > 2 ? "," : ""), $1, $2, $(NF - 1), $NF }' iris/val.csv >own.x
	awk 'NR > 1 { printf "%s%d", (NR > 2 ? "," : ""), /vers/ ? 1 : /vir/ ? 2 : 0 }' iris/val.csv >own.y
	helper npz v.npz "x/float32/60,4/=$(cat own.x)" "labels/int64/60/=$(cat own.y)"
	run evaluate o.onnx v.npz --json --quiet
	test "$(helper json out evaluation.loss)" = "$(helper json own.table evaluation.loss)" ||
		helper json own.table evaluation.loss
} | report 'a table is the arrays it spells'

sed -i 's/species/label/' iris/train.csv
cp iris/train.csv t.csv
run m.onnx t.csv -o o.onnx --steps 3
{
	wanted 0
	told
	grep -q '^    accuracy .* 40$' out || cat out
} | report 'a single table is split'

refuses 1 "onnxtune: t.csv: there is no column 'kind'; there are: 'a', 'b', 'label', 'c', 'd'" \
	m.onnx t.csv --label-column kind -o p.onnx | report 'no such column'
sed -i '7s/^[^,]*/seven/' t.csv
refuses 1 "onnxtune: t.csv: line 7, column 'a': 'seven' is not a number" m.onnx t.csv -o p.onnx |
	report 'a text among the numbers'
printf 'label\n1\n' >t.csv
refuses 1 'onnxtune: t.csv: the header has a single column; *' m.onnx t.csv -o p.onnx | report 'labels alone'

# ---- images in a list, each with any number of classes ----

helper model i.onnx <<'END'
opset 13
input x float32 N,1,4,4
tensor w float32 16,3
tensor b float32 3
node Flatten f x -> y
node Gemm fc y w b -> logits
output logits
END
helper pictures photos 4 20 4 4
{
	echo 'file,low,high,even'
	for c in 0 1 2 3; do
		for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
			echo "c$c/$i.png,$((c < 2)),$((c > 0)),1"
		done
	done
} >photos/labels.csv
run i.onnx photos -o photos.onnx --lr 0.05 --steps 300 --report r.json
{
	wanted 0
	told
	grep -q '^ samples avg ' out || cat out
	grep -q ', by bce;' err || cat err
	grep -q '^ *high  *[01]\.' out || cat out
	helper json r.json after.report.low.f1-score after.report.high.f1-score | tr '\n' ' ' |
		awk '{ exit !($1 > 0.9 && $2 > 0.9) }' || cat out
} | report 'images with several classes each'

rm photos/c3/7.png
refuses 1 "onnxtune: photos/labels.csv: line 69, column 'file': there is no file 'photos/c3/7.png'" \
	i.onnx photos -o p.onnx | report 'an image that is listed but not there'

# ---- IDX files ----

mkdir idx
helper idx idx/train 3 40 4 4
helper idx idx/t10k 3 12 4 4
gzip idx/train-images-idx3-ubyte
run i.onnx idx -o idx.onnx --lr 0.05 --report r.json
{
	wanted 0
	told
	grep -q '^preprocessing: range 0-1' err || cat err
	grep -q '^    accuracy .* 36$' out || cat out
	helper json r.json before.report.accuracy after.report.accuracy | tr '\n' ' ' |
		awk '{ exit !($1 < 0.7 && $2 > 0.95) }' || cat out
} | report 'IDX files'

mkdir same
helper pictures same/val 3 12 4 4
run evaluate idx.onnx idx --json --quiet
cp out own.idx
run evaluate idx.onnx same --json --quiet
{
	wanted 0
	for f in own.idx out; do
		helper json $f evaluation.confusion_matrix
	done | sort | uniq -u
	{ helper json own.idx evaluation.loss; helper json out evaluation.loss; } | tr '\n' ' ' |
		awk '{ exit !(($1 - $2) ^ 2 < 1e-20) }' || helper json out evaluation.loss
} 2>&1 | report 'the same pictures as PNG files'

# ---- WebP, where the program was built with it ----

for c in light dark; do
	mkdir -p "webp/$c"
	for i in 1 2 3 4 5; do
		cp "$cli/../data/webp/$(test $c = light && echo lossless || echo grey).webp" "webp/$c/$i.webp"
	done
done
printf 'dark\nlight\nother\n' >names
run i.onnx webp --labels names -o webp.onnx --steps 20 --lr 0.05
if grep -q 'built without libwebp' err; then
	wanted 1
else
	wanted 0
	told
	grep -q '^    accuracy .* 2$' out || cat out
fi | report 'WebP pictures'

plan
