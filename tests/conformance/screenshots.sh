#!/bin/sh
# Pictures of the HTML report of the demo, for people to look at: wide and on a phone (390 pixels),
# light and dark.
#
#   ONNXTUNE=build/onnxtune tests/conformance/screenshots.sh FOLDER     (needs Chromium)
set -eu
cd "$(dirname "$0")/../.."
onnxtune=$(realpath "${ONNXTUNE:-onnxtune}") demo=$PWD/data/demo
mkdir -p "$1"
cd "$1"
tar -xf "$demo/orient-scripts.tar"
"$onnxtune" "$demo/ppocr_cls.onnx" orient-scripts --image-size 48x192 --resize pad:left --channels grey \
	--mean 0.5 --std 0.5 --precision fp16 --steps "${STEPS:-30}" --log-dir events -q -f -o tuned.onnx \
	--report report.html >report.txt

# Chromium's window is at least 500 pixels wide: the phone is a frame in it.
echo '<body style="margin:0"><iframe src="report.html" style="width:390px;height:5200px;border:0">' >phone.html

# shot PAGE WIDTH HEIGHT SCHEME: 0 is dark, 1 light.
shot()
{
	name=${1%.html}-$(test "$4" = 0 && echo dark || echo light).png
	chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --window-size="$2,$3" \
		--blink-settings=preferredColorScheme="$4" --screenshot="$PWD/$name" "file://$PWD/$1" 2>/dev/null
	echo "$PWD/$name"
}
for scheme in 0 1; do
	shot report.html 1200 2600 $scheme
	shot phone.html 500 5200 $scheme
done
