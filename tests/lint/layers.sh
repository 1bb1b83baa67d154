#!/bin/sh
# Who may use what: include levels, libraries behind one folder, printing and ending only in cli/.
. "$srcdir/tests/lint/lib.sh"
echo 1..5

# A file may include its own folder and those of lower levels, by their path from src/.
sources src | xargs awk '
BEGIN {
	levels = "base graph ops onnx,passes,data,eval,backend plan exec train api cli"
	n = split(levels, level_names, " ")
	for (i = 1; i <= n; i++) {
		m = split(level_names[i], folders, ",")
		for (j = 1; j <= m; j++)
			level[folders[j]] = i
	}
}
FNR == 1 {
	split(FILENAME, path, "/")
	folder = path[2]
	if (!(folder in level))
		print FILENAME ": src/" folder " has no level"
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	target = quoted[2]
	if (target ~ /\.pb-c\.h$/ || target == "build-id.h")
		next
	if (split(target, to, "/") < 2 || !(to[1] in level))
		print FILENAME ":" FNR ": \"" target "\": write the path from src/"
	else if (to[1] == folder || level[to[1]] < level[folder])
		next
	else if (folder == "train" && target == "api/config.h")
		next # the plain struct of options
	else
		print FILENAME ":" FNR ": " folder " must not include " target
}' | check 1 'includes point down'

sources src | grep -v -e '^src/onnx/' -e '^src/eval/events\.c$' | xargs grep -nE 'pb-c\.h|protobuf-c' |
	check 2 'protobuf only where files of that form are read and written'
sources src | grep -v '^src/backend/' | xargs grep -nE 'HAVE_CUDA|HAVE_ONEDNN|dnnl\.h|cuda_runtime' |
	check 3 'oneDNN and CUDA only in src/backend'

# mem.c ends the process when there is no memory for metadata, as mem.h says.
sources src | grep -v -e '^src/cli/' -e '^src/base/mem\.c$' |
	xargs grep -nE '(^|[^a-zA-Z0-9_])((printf|puts|putchar|perror|_?exit|abort) ?\(|std(in|out|err)([^a-zA-Z0-9_.]|$))' |
	grep -vE '^[^:]*:[0-9]+: *(/?\*|//)' |
	check 4 'only src/cli prints and exits'

# Objects in writable sections. (Sanitized code holds the sanitizer's own.)
if grep -qs '^SANITIZER_CFLAGS = .' "$build/Makefile"; then
	:
elif test -f "$build/libonnxtune.a"; then
	objdump -t "$build/libonnxtune.a" | awk '
		/file format/ { file = $1 }
		NF < 4 { next }
		$(NF - 2) ~ /^\.(data|bss|tdata|tbss)(\.|$)/ && $(NF - 2) !~ /rel\.ro/ && $NF !~ /^\./ {
			print file " " $NF
		}
		$(NF - 2) == "*COM*" { print file " " $NF }'
else
	echo "$build/libonnxtune.a is not there"
fi | check 5 'no mutable globals'
