/*
 * range_test.h - `--lr auto`: steps with a growing learning rate on the training data, of which nothing
 * stays but the rate that was found.
 */
#ifndef ONNXTUNE_API_RANGE_TEST_H
#define ONNXTUNE_API_RANGE_TEST_H

#include "api/project.h"

/*
 * *rate is where the loss fell fastest (train/range.h), 0 when it did not fall or *ui->stop asked to
 * stop. The session is as before, bit for bit.
 */
enum status MUST_CHECK range_test(struct project *project, double *rate, struct error *err);

#endif
