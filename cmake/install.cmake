# What `cmake --install` puts where: the program, its backends beside it, what shells and man want, the service.
#
# MEDSYNTH_PORTABLE makes a program that runs on other machines (scripts/package): ggml's CPU variants are plug-ins, chosen
# when it runs, and it brings the libraries along that a minimal Debian lacks. What it needs there is glibc (of this machine
# or newer) and libstdc++.
include(GNUInstallDirs)
set(MEDSYNTH_LIBRARIES ${CMAKE_INSTALL_LIBDIR}/medsynth)

install(TARGETS medsynth RUNTIME COMPONENT program)
foreach(unit medsynth.service medsynth-worker@.service)
  install(FILES deploy/systemd/${unit} DESTINATION lib/systemd/system COMPONENT program)
  install(FILES deploy/systemd/common.conf DESTINATION lib/systemd/system/${unit}.d COMPONENT program)
endforeach()
install(FILES deploy/systemd/medsynth.socket DESTINATION lib/systemd/system COMPONENT program)
install(FILES deploy/sysusers.conf DESTINATION lib/sysusers.d RENAME medsynth.conf COMPONENT program)
install(FILES LICENSE README.md CHANGELOG.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(FILES deploy/proxy/nginx.conf deploy/proxy/Caddyfile DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT program)
install(CODE "set(MEDSYNTH_PROGRAM \"$<TARGET_FILE:medsynth>\")" COMPONENT program)
install(CODE [[
  set(share "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/share")
  foreach(each "completion;bash;bash-completion/completions/medsynth" "completion;zsh;zsh/vendor-completions/_medsynth"
               "completion;fish;fish/vendor_completions.d/medsynth.fish" "help;--man;man/man1/medsynth.1")
    list(GET each 2 file)
    list(REMOVE_AT each 2)
    get_filename_component(folder "${share}/${file}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    execute_process(COMMAND "${MEDSYNTH_PROGRAM}" ${each} OUTPUT_FILE "${share}/${file}" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
]] COMPONENT program)

if(MEDSYNTH_PORTABLE)
  set_target_properties(medsynth PROPERTIES INSTALL_RPATH "$ORIGIN/../${MEDSYNTH_LIBRARIES}")
  # RPATH and not RUNPATH: the libraries find each other by it too.
  target_link_options(medsynth PRIVATE -Wl,--disable-new-dtags)
  get_filename_component(llama_libraries "${llama_DIR}/../.." ABSOLUTE)
  file(GLOB backends "${llama_libraries}/libggml-*-*.so" "${llama_libraries}/libggml-vulkan.so")
  install(FILES ${backends} DESTINATION ${MEDSYNTH_LIBRARIES} COMPONENT program)
  install(CODE "set(llama_libraries \"${llama_libraries}\")\nset(libraries \"${MEDSYNTH_LIBRARIES}\")" COMPONENT program)
  install(CODE [[
    file(GET_RUNTIME_DEPENDENCIES EXECUTABLES "${MEDSYNTH_PROGRAM}" RESOLVED_DEPENDENCIES_VAR found UNRESOLVED_DEPENDENCIES_VAR missing
         DIRECTORIES "${llama_libraries}" POST_EXCLUDE_REGEXES "/(ld-linux[^/]*|lib(c|m|dl|rt|pthread|stdc\\+\\+|gcc_s))\\.so[^/]*$")
    if(missing)
      message(FATAL_ERROR "not found: ${missing}")
    endif()
    file(INSTALL ${found} DESTINATION "${CMAKE_INSTALL_PREFIX}/${libraries}" FOLLOW_SYMLINK_CHAIN)
  ]] COMPONENT program)
endif()
