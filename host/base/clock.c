#include "clock.h"

#include <stdio.h>
#include <time.h>

int64_t clock_mono_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_epoch_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void put(char *at, int digits, int value)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
}

void clock_rfc3339(int64_t epoch_ms, char out[25])
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";
	int64_t ms = epoch_ms % 1000, whole = epoch_ms / 1000;
	if (ms < 0)
		ms += 1000, whole -= 1; /* before 1970 */
	time_t s = (time_t)whole;
	struct tm tm = { 0 };
	(void)gmtime_r(&s, &tm);
	for (size_t i = 0; i < sizeof shape; i++)
		out[i] = shape[i];
	put(out, 4, (tm.tm_year + 1900) % 10000);
	put(out + 5, 2, tm.tm_mon + 1);
	put(out + 8, 2, tm.tm_mday);
	put(out + 11, 2, tm.tm_hour);
	put(out + 14, 2, tm.tm_min);
	put(out + 17, 2, tm.tm_sec);
	put(out + 20, 3, (int)ms);
}
