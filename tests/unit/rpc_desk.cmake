otk_unit_test(rpc_desk_test USES otk_rpc otk_desk SOURCES world.c)
