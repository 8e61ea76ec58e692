set(out ${CMAKE_CURRENT_BINARY_DIR})
add_custom_command(
	OUTPUT ${out}/db_test_statements.h ${out}/db_test_statements.c
	COMMAND ${PYTHON3} ${embed} statements db_test ${out}/db_test_statements.h
		${out}/db_test_statements.c ${CMAKE_CURRENT_SOURCE_DIR}/db_statements.sql
	DEPENDS ${embed} ${CMAKE_CURRENT_SOURCE_DIR}/db_statements.sql VERBATIM)
add_library(db_fixture STATIC db_fixture.c ${out}/db_test_statements.c ${out}/db_test_statements.h)
target_include_directories(db_fixture PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} ${out})
target_compile_definitions(db_fixture PRIVATE OTKLIK_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_link_libraries(db_fixture
	PUBLIC otk_db otk_loop PkgConfig::LIBPQ PkgConfig::CMOCKA PRIVATE otk_flags)

otk_unit_test(db_sqlstate_test USES otk_db)
otk_unit_test(db_unit_test USES db_fixture)
otk_unit_test(db_pool_test USES db_fixture)
otk_unit_test(db_batch_test USES db_fixture)
otk_unit_test(db_stream_test USES db_fixture)
otk_unit_test(db_migrate_test USES db_fixture)
