# Writes the root help of PROGRAM to OUTPUT. The old text goes first, since the program would answer with it.
file(REMOVE ${OUTPUT})
execute_process(COMMAND env -i HOME=/nonexistent ${PROGRAM} --help --output plain
  OUTPUT_VARIABLE text RESULT_VARIABLE code)
if(NOT code EQUAL 0 OR text STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} --help failed (${code})")
endif()
file(WRITE ${OUTPUT} "${text}")
