/* Where this program's own files are: in the source and build trees when it runs from where it was built, else beside
 * the installed binary. */
#ifndef TOOL_BASE_PLACES_H
#define TOOL_BASE_PLACES_H

#include <limits.h>
#include <stdbool.h>

struct places {
	char bin[PATH_MAX];   /* folder of the binary */
	char given[PATH_MAX]; /* of what is written by hand: commands/, plugins/ */
	char made[PATH_MAX];  /* of what the build made: modules/, help/, start.image */
};

/* False when the system does not say where the binary is; then the places are those of an installation below /usr. */
bool places_find(struct places *p);

#endif
