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

/* The date of a day counted from 1970-01-01, in the Gregorian calendar. Not gmtime_r, which reads /etc/localtime first:
 * years are counted from March, so that the leap day is the last of one, in eras of 400 years. */
static void date_of(int64_t day, int64_t *year, int *month, int *mday)
{
	int64_t shifted = day + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t in_era = shifted - era * 146097;
	int64_t of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * of_era + of_era / 4 - of_era / 100);
	int from_march = (int)((5 * in_year + 2) / 153);
	*mday = (int)(in_year - (153 * from_march + 2) / 5) + 1;
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

void clock_rfc3339(int64_t epoch_ms, char out[25])
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";
	const int64_t day_ms = 86400000;
	int64_t ms = epoch_ms % day_ms, day = epoch_ms / day_ms, year;
	int month, mday;
	if (ms < 0)
		ms += day_ms, day -= 1; /* before 1970 */
	date_of(day, &year, &month, &mday);
	for (size_t i = 0; i < sizeof shape; i++)
		out[i] = shape[i];
	put(out, 4, (int)(year % 10000));
	put(out + 5, 2, month);
	put(out + 8, 2, mday);
	put(out + 11, 2, (int)(ms / 3600000));
	put(out + 14, 2, (int)(ms / 60000 % 60));
	put(out + 17, 2, (int)(ms / 1000 % 60));
	put(out + 20, 3, (int)(ms % 1000));
}
