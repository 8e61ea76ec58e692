# Asked by tests/db/tz_test.py.
add_executable(tz_probe ${CMAKE_SOURCE_DIR}/tests/db/tz_probe.c)
set_target_properties(tz_probe PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(tz_probe PRIVATE otk_flags otk_base)

# otk_alloc_test(NAME USES ...): a unit test in which memory can be made to run out; see
# alloc_fail.h.
function(otk_alloc_test name)
	otk_unit_test(${name} SOURCES alloc_fail.c ${ARGN})
	target_link_options(${name} PRIVATE
		-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup)
endfunction()

otk_alloc_test(base_test USES otk_base)
otk_alloc_test(conf_log_test USES otk_base)
otk_alloc_test(tz_test USES otk_base)
