# Messages of every kind, which the schema itself does not have.
add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/kinds.pb-c.c
		${CMAKE_CURRENT_BINARY_DIR}/kinds.pb-c.h
	COMMAND ${PROTOC} -I ${CMAKE_CURRENT_SOURCE_DIR} --plugin=${PROTOC_GEN_C}
		--c_out=${CMAKE_CURRENT_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/kinds.proto
	DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/kinds.proto VERBATIM)
add_library(kinds_proto STATIC ${CMAKE_CURRENT_BINARY_DIR}/kinds.pb-c.c)
target_compile_options(kinds_proto PRIVATE -w)
target_include_directories(kinds_proto SYSTEM PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(kinds_proto PUBLIC PkgConfig::PROTOBUF_C)

otk_unit_test(frame_test USES otk_wire)
otk_unit_test(decode_test USES otk_wire kinds_proto)
otk_unit_test(methods_test USES otk_wire)
otk_unit_test(status_message_test USES otk_wire)
otk_unit_test(vectors_test USES otk_wire)
otk_alloc_test(decode_memory_test USES otk_wire)
otk_alloc_test(loop_test USES otk_loop)
