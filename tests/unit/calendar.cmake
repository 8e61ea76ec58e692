# Service time, and the verb that computes with it.
otk_alloc_test(calendar_test USES otk_core)
otk_alloc_test(calendar_text_test USES otk_core)
otk_alloc_test(calendar_rule_test USES otk_core)
otk_alloc_test(calendar_mark_test USES otk_core)
otk_unit_test(calendar_due_test
	SOURCES ${CMAKE_SOURCE_DIR}/client/cli/calendar_due.c
	USES otk_core)
target_include_directories(calendar_due_test PRIVATE ${CMAKE_SOURCE_DIR}/client)
