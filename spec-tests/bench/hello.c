/* The smallest program that answers: what every start is compared with. */
#include <unistd.h>

int main(void)
{
	return write(STDOUT_FILENO, "hello\n", 6) == 6 ? 0 : 1;
}
