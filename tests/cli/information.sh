#!/bin/sh
# --help, --version, --print-config, --config.
. "$srcdir/tests/cli/lib.sh"
plan 14

run --version
{
	wanted 0 ''
	grep -Eqx 'onnxtune [0-9]+\.[0-9]+\.[0-9]+[^ ]*' out || cat out
} | report 'version'

run --help
{
	wanted 0 ''
	for c in tune evaluate run grad inspect gradcheck; do
		grep -q "^  $c " out || echo "$c is missing"
	done
	for o in --epochs --precision --freeze --image-size --threads --output --config; do
		grep -q -- " $o" out || echo "$o is missing"
	done
} | report 'help'

awk 'length > 100' out | report 'no line of help is over 100 columns'

run run --help
{
	wanted 0 ''
	same out run-help
} | report 'help of one command'

run -h evaluate
{
	wanted 0 ''
	grep -q '^Usage: onnxtune evaluate' out || cat out
} | report 'help before the command'

run --print-config
{
	wanted 0 ''
	same out print-config
} | report 'print-config'

cp out default.conf
run --config default.conf --print-config
{
	wanted 0 ''
	cmp out default.conf
} | report 'print-config of what it printed'

run --config=default.conf --lr=0.5 --freeze='a #b' --print-config
{
	wanted 0 ''
	sed -e 's/^lr = default/lr = 0.5/' -e 's/^# freeze =$/freeze = "a #b"/' default.conf | cmp - out
} | report 'the command line wins over a configuration file'

printf 'seed = 1\nfreeze = x\n' >one.conf
printf 'seed = 2\nfreeze = y\n' >two.conf
run --seed=3 --config one.conf --config two.conf --freeze=z --print-config
{
	wanted 0 ''
	test "$(grep -E '^(seed|freeze)' out | tr '\n' ' ')" = 'seed = 3 freeze = x freeze = y freeze = z ' ||
		cat out
} | report 'several configuration files'

run inspect --config one.conf --print-config
{
	wanted 0 ''
	grep -q '^epochs' out && echo 'epochs is not for inspect'
	grep -qx 'freeze = x' out || cat out
} | report 'one configuration file serves all commands'

run --config missing.conf --print-config
wanted 1 'onnxtune: missing.conf: No such file or directory' | report 'a missing configuration file'

if test -w /dev/full; then
	"$ONNXTUNE" --help >/dev/full 2>err
	status=$?
	wanted 1 'onnxtune: standard output: can'"'"'t write: No space left on device'
fi | report 'standard output that is full'

# The reader of the pipe has gone: an error, not a signal.
{
	sleep 0.2
	"$ONNXTUNE" --help 2>err
	echo $? >status
} | :
status=$(cat status)
wanted 1 "onnxtune: standard output: can't write: Broken pipe" | report 'a pipe that nobody reads'

"$ONNXTUNE" --help >&- 2>err
status=$?
wanted 1 "onnxtune: standard output: can't write: Bad file descriptor" |
	report 'standard output that is closed'
