# Writes the root help of PROGRAM to OUTPUT. The old text goes first, since the program would answer with it. A program
# with a dialect of its own says itself how it shows its help: its file stays empty, and a worker answers.
file(REMOVE ${OUTPUT})
execute_process(COMMAND env -i HOME=/nonexistent ${PROGRAM} --help OUTPUT_VARIABLE piped RESULT_VARIABLE code ERROR_QUIET)
if(code EQUAL 0 AND NOT piped MATCHES "^{\"ok\":")
  file(WRITE ${OUTPUT} "")
  return()
endif()
execute_process(COMMAND env -i HOME=/nonexistent ${PROGRAM} --help --output plain
  OUTPUT_VARIABLE text RESULT_VARIABLE code)
if(NOT code EQUAL 0 OR text STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} --help failed (${code})")
endif()
file(WRITE ${OUTPUT} "${text}")
