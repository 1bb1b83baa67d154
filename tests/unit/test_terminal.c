/*
 * test_terminal.c - progress and messages on a pseudo terminal and in a file. The screen is replayed
 * from what was written, so what counts is what a user sees.
 */
#include "base/utf8.h"
#include "cli/terminal.h"

#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#define COLUMNS 60

struct screen {
	int master, slave;
	struct terminal t;
};

static void resize(struct screen *s, int columns)
{
	struct winsize size = { .ws_row = 24, .ws_col = (unsigned short)columns };
	assert_int_equal(ioctl(s->master, TIOCSWINSZ, &size), 0);
}

static void open_screen(struct screen *s)
{
	struct termios raw = { 0 }; /* no translation of newlines */
	cfmakeraw(&raw);
	if (openpty(&s->master, &s->slave, NULL, &raw, NULL))
		fail_msg("no pseudo terminal");
	resize(s, COLUMNS);
	terminal_init(&s->t, s->slave, false);
	assert_true(s->t.is_tty);
	s->t.ascii = true; /* whatever the locale is */
}

static void close_screen(struct screen *s)
{
	terminal_release(&s->t);
	close(s->master);
	close(s->slave);
}

/* What stands on the screen (ASCII), without blanks at the ends of lines. */
static void check_screen(struct screen *s, const char *want)
{
	static char bytes[65536], lines[16][200];
	size_t n = 0, row = 0, column = 0, rows = 0;
	assert_int_equal(write(s->slave, "\a", 1), 1); /* where this test may stop reading */
	do {
		ssize_t k = read(s->master, bytes + n, sizeof bytes - n);
		assert_true(k > 0);
		n += (size_t)k;
	} while (bytes[n - 1] != '\a');
	memset(lines, 0, sizeof lines);
	for (size_t i = 0; i < n - 1; i++) {
		if (bytes[i] == '\r') {
			column = 0;
		} else if (bytes[i] == '\n') {
			row++;
			column = 0;
		} else {
			assert_true(column < 199 && row < 16);
			lines[row][column++] = bytes[i];
		}
		rows = row + 1;
	}
	struct text got = { 0 };
	for (size_t i = 0; i < rows; i++) {
		size_t length = strlen(lines[i]);
		while (length && lines[i][length - 1] == ' ')
			length--;
		text_add(&got, "%s%.*s", i ? "\n" : "", (int)length, lines[i]);
	}
	assert_string_equal(got.n ? got.s : "", want);
	text_release(&got);
}

static void test_bar(void **state)
{
	(void)state;
	struct screen s;
	struct progress p;
	open_screen(&s);
	progress_begin(&p, 10, terminal_interval(&s.t), 0, "Epoch 1/2");
	terminal_progress(&s.t, &p, 0);
	check_screen(&s, "Epoch 1/2:   0%|                     | 0/10 [00:00<?, ?it/s]");
	assert_false(progress_update(&p, 1, 0.05));
	assert_true(progress_update(&p, 5, 2.5));
	terminal_progress(&s.t, &p, 2.5);
	assert_true(progress_update(&p, 10, 5));
	terminal_progress_end(&s.t, &p, 5);
	terminal_line(&s.t, "after");
	check_screen(&s, "Epoch 1/2: 100%|############| 10/10 [00:05<00:00,  2.00it/s]\nafter\n");
	progress_release(&p);
	close_screen(&s);
}

static void test_messages(void **state)
{
	(void)state;
	struct screen s;
	struct progress p;
	open_screen(&s);
	terminal_line(&s.t, "before");
	progress_begin(&p, 10, terminal_interval(&s.t), 0, "E");
	terminal_progress(&s.t, &p, 0);
	terminal_line(&s.t, "one");
	terminal_line(&s.t, "two");
	check_screen(
		&s,
		"before\none\ntwo\nE:   0%|                             | 0/10 [00:00<?, ?it/s]");
	terminal_clear(&s.t);
	terminal_line(&s.t, "three");
	check_screen(&s, "three\n");
	terminal_clear(&s.t); /* nothing there */
	check_screen(&s, "");
	progress_release(&p);
	close_screen(&s);
}

/* A line that gets shorter leaves nothing of the one before; a new width counts at once. */
static void test_resize(void **state)
{
	(void)state;
	struct screen s;
	struct progress p;
	open_screen(&s);
	progress_begin(&p, 10, terminal_interval(&s.t), 0, "E");
	terminal_progress(&s.t, &p, 0);
	resize(&s, 40);
	terminal_progress(&s.t, &p, 0);
	check_screen(&s, "E:   0%|         | 0/10 [00:00<?, ?it/s]");
	progress_release(&p);
	close_screen(&s);
}

static void test_quiet(void **state)
{
	(void)state;
	struct screen s;
	struct progress p;
	open_screen(&s);
	s.t.quiet = true;
	progress_begin(&p, 10, terminal_interval(&s.t), 0, "E");
	terminal_progress(&s.t, &p, 0);
	terminal_line(&s.t, "message");
	terminal_progress_end(&s.t, &p, 1);
	check_screen(&s, "message\n");
	progress_release(&p);
	close_screen(&s);
}

static void test_file(void **state)
{
	(void)state;
	FILE *file = tmpfile();
	struct terminal t;
	struct progress p;
	char got[1000] = { 0 };
	terminal_init(&t, fileno(file), false);
	assert_false(t.is_tty);
	progress_begin(&p, 100, terminal_interval(&t), 0, "Epoch 1/1");
	terminal_progress(&t, &p, 0);
	for (int n = 1; n <= 100; n++) {
		progress_add_number(&p.postfix, "loss", 1.0 / n);
		if (progress_update(&p, n, n * 0.08))
			terminal_progress(&t, &p, n * 0.08);
		if (n == 70)
			terminal_line(&t, "a message");
		p.postfix.n = 0;
	}
	terminal_progress_end(&t, &p, 8);
	assert_true(pread(fileno(file), got, sizeof got - 1, 0) > 0);
	assert_string_equal(got, "Epoch 1/1:  63% 63/100 [00:05<00:02, 12.50it/s, loss=0.0159]\n"
				 "a message\n"
				 "Epoch 1/1: 100% 100/100 [00:08<00:00, 12.50it/s, loss=0.01]\n");
	progress_release(&p);
	terminal_release(&t);
	fclose(file);
}

int main(void)
{
	setenv("TERM", "xterm", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bar),    cmocka_unit_test(test_messages),
		cmocka_unit_test(test_resize), cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
