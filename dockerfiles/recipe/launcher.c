/* bin/python of a volume: starts the interpreter beside it with -E.
 *
 * The agent runs `bin/python -s …` with the environment of the user's image and
 * must hand that environment on to the user's programs as it is. But PYTHONHOME
 * would keep the volume's Python from starting, and PYTHONPATH would put the
 * user's modules in front of the kernel runner's. -E makes the interpreter
 * ignore both, and the processes that it starts still inherit them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Puts the path of the interpreter into `path`; -1 if it is too long. */
static int find_interpreter(char path[PATH_MAX]) {
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
  if (length < 0) return -1;
  path[length] = '\0';
  char *name = strrchr(path, '/') + 1;
  size_t room = PATH_MAX - (size_t)(name - path);
  if (sizeof INTERPRETER > room) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(name, INTERPRETER, sizeof INTERPRETER);
  return 0;
}

int main(int argc, char *argv[]) {
  char path[PATH_MAX];
  char **args = calloc((size_t)argc + 3, sizeof *args);
  if (args != NULL && find_interpreter(path) == 0) {
    args[0] = path;
    args[1] = "-E";
    for (int i = 1; i < argc; i++) args[i + 1] = argv[i];
    execv(path, args);
  }
  perror("Cannot start " INTERPRETER);
  return 126;
}
