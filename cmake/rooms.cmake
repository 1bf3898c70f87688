# medsynth_room(NAME SOURCES ... USES rooms ... LIBRARIES targets ...): one folder of src/medsynth is one static library
# medsynth::NAME. USES is the room's list of allowed arrows (docs/architecture.md); tools/check-arrows reads it from here
# and refuses any other include.
function(medsynth_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(medsynth_${name} STATIC ${ROOM_SOURCES})
  add_library(medsynth::${name} ALIAS medsynth_${name})
  target_link_libraries(medsynth_${name} PUBLIC medsynth_flags)
  foreach(room ${ROOM_USES})
    target_link_libraries(medsynth_${name} PUBLIC medsynth::${room})
  endforeach()
  target_link_libraries(medsynth_${name} PUBLIC ${ROOM_LIBRARIES})
endfunction()

# medsynth_test(NAME SOURCES ... USES rooms ... LABEL unit|integration): one GoogleTest program per room.
function(medsynth_test name)
  cmake_parse_arguments(TEST "" "LABEL" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  foreach(room ${TEST_USES})
    target_link_libraries(${name} PRIVATE medsynth::${room})
  endforeach()
  target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main rapidcheck ${TEST_LIBRARIES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABEL}" TIMEOUT 240)
endfunction()
