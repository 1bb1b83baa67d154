/*
 * helper.h - the program with which the scripts of this folder make models and data and look at
 * what onnxtune wrote. Each function is one of its commands: it gets the words after the command's
 * name and returns the exit status. Wrong use ends the program with a line that says so.
 */
#ifndef ONNXTUNE_TESTS_CLI_HELPER_H
#define ONNXTUNE_TESTS_CLI_HELPER_H

#include "base/mem.h"
#include "graph/tensor.h"

/* model FILE: the model that the text on standard input describes (helper_model.c). */
int helper_model(int argc, char **argv);

/* npz FILE NAME/TYPE/DIMS/CONTENT...: arrays (helper_data.c). */
int helper_npz(int argc, char **argv);
/* pictures FOLDER CLASSES EACH HEIGHT WIDTH: FOLDER/cK/N.png (helper_data.c). */
int helper_pictures(int argc, char **argv);
/* idx STEM CLASSES EACH HEIGHT WIDTH: the same pictures as STEM-images-idx3-ubyte and their classes as
 * STEM-labels-idx1-ubyte, class by class in turns (helper_data.c). */
int helper_idx(int argc, char **argv);

/* json FILE PATH...: one JSON document; prints what is at each path (helper_check.c). */
int helper_json(int argc, char **argv);
/* schema SCHEMA FILE...: one JSON document each, all of the schema (helper_schema.c). */
int helper_schema(int argc, char **argv);
/* lines FILE KEY...: one JSON object a line with these keys and no others; prints the number of
 * lines (helper_check.c). */
int helper_lines(int argc, char **argv);
/* losses LOG NPZ OPTIMIZER LIMIT: prints where the loss of a line (an object each) deviates from NPZ's
 * OPTIMIZER/loss64 by more than LIMIT and ten times what OPTIMIZER/loss32 did so far, or a step was
 * skipped; the lines must be as many (helper_check.c). */
int helper_losses(int argc, char **argv);
/* distance A.onnx B.onnx: the largest |a-b| / (1+|a|) over all initializers (helper_check.c). */
int helper_distance(int argc, char **argv);

/* events FILE...: "STEP TAG VALUE" for all that TensorBoard shows of the files (helper_events.c). */
int helper_events(int argc, char **argv);

/* stop SIGNAL FILE LINES PROGRAM WORD...: runs the program, sends it the signal when the file has so
 * many lines, and ends as it does, with 128 + SIGNAL where that ended it (helper_stop.c). */
int helper_stop(int argc, char **argv);

/* kill MOST SEED MS PROGRAM WORD...: runs the program until it ends by itself and returns its exit
 * status; up to MOST times it is killed by SIGKILL after a random time of less than MS milliseconds, a tenth
 * more each time.
 * Standard output, a file, is that of the last time; the last line on standard error is "killed N times" (helper_kill.c). */
int helper_kill(int argc, char **argv);

void helper_die(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));

/* "float", "int64", ... or a number. */
enum dtype helper_dtype(const char *text);
/* "2,3" or "" for a scalar: the rank, at most `max`. */
int helper_dims(const char *text, int64_t *dims, int max);

/*
 * Fills t by a text: "random" (-0.5 to 0.5, the same for the same stream), "mod:K" (0, 1, ... K-1,
 * 0, ...), "=1,2,nan" (these, the last repeated).
 */
void helper_fill(struct tensor *t, const char *content, uint32_t stream);

#endif
