otk_unit_test(lifecycle_test USES otk_core SOURCES world.c)
otk_unit_test(sla_test USES otk_core SOURCES world.c)
otk_unit_test(lives_test USES otk_core SOURCES world.c)
otk_unit_test(reference_test USES otk_core SOURCES world.c)
