/* SPDX-License-Identifier: MIT */
#include "guard/score.h"

#include <math.h>

double score_after(double score, usec_t passed, usec_t half_life)
{
	if (half_life == 0 || passed == 0)
		return score;
	return score * exp2(-((double)passed / (double)half_life));
}

usec_t score_time_to(double score, double floor, usec_t half_life)
{
	double left;

	if (score <= floor)
		return 0;
	if (half_life == 0 || floor <= 0)
		return USEC_MAX;
	left = ceil(log2(score / floor) * (double)half_life);
	return left < 9e18 ? (usec_t)left : USEC_MAX;
}
