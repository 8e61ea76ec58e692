# Asked by tests/db/tz_test.py.
add_executable(tz_probe ${CMAKE_SOURCE_DIR}/tests/db/tz_probe.c)
set_target_properties(tz_probe PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(tz_probe PRIVATE otk_flags otk_base)
