# What is installed: the binary, its personas, lib/tool (commands, plugins, modules), man pages, completions, docs; and
# the Debian package of the same. The installed tree needs nothing of the source tree.

install(TARGETS tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(persona ${PERSONAS})
  install(FILES ${PROJECT_BINARY_DIR}/${persona} DESTINATION ${CMAKE_INSTALL_BINDIR})
endforeach()
install(DIRECTORY commands plugins DESTINATION lib/tool PATTERN tests EXCLUDE)

# Man pages and completions, from what the built programs say about themselves.
if(NOT TOOL_SANITIZE)
  find_program(LUA_PROGRAM lua5.4 REQUIRED)
  set(pages ${PROJECT_BINARY_DIR}/pages)
  file(MAKE_DIRECTORY ${pages})
  foreach(program tool ${PERSONAS})
    add_custom_command(
      OUTPUT ${pages}/${program}.1 ${pages}/${program}.bash ${pages}/${program}.zsh ${pages}/${program}.fish
      COMMAND ${LUA_PROGRAM} ${PROJECT_SOURCE_DIR}/host/build/pages.lua ${PROJECT_BINARY_DIR}/${program} ${pages}
      DEPENDS tool ${SHIPPED_LUA} host/build/pages.lua VERBATIM)
    list(APPEND PAGES ${pages}/${program}.1)
    install(FILES ${pages}/${program}.1 DESTINATION share/man/man1)
    install(FILES ${pages}/${program}.bash DESTINATION share/bash-completion/completions RENAME ${program})
    foreach(place site-functions vendor-completions) # zsh looks in the first below /usr/local, in the second below /usr
      install(FILES ${pages}/${program}.zsh DESTINATION share/zsh/${place} RENAME _${program})
    endforeach()
    install(FILES ${pages}/${program}.fish DESTINATION share/fish/vendor_completions.d)
  endforeach()
  add_custom_target(pages ALL DEPENDS ${PAGES})
endif()
install(FILES README.md AGENTS.md CHANGELOG.md LICENSE DESTINATION share/doc/toolhost)
install(DIRECTORY docs/ DESTINATION share/doc/toolhost PATTERN baseline.json EXCLUDE)
install(FILES docs/baseline.json DESTINATION lib/tool/docs)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME toolhost)
set(CPACK_PACKAGE_CONTACT "The toolhost authors <toolhost@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION "A command is one Lua file with a contract. The host keeps what it promises: one well-formed
answer, meaningful exit codes, time limits, no leaked secrets, nothing touched that is not declared.")
set(CPACK_PACKAGE_VENDOR "The toolhost authors")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
include(CPack)
