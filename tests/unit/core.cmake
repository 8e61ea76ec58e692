otk_unit_test(kpi_test USES otk_core m)
otk_unit_test(kpi_fold_test USES otk_core)
otk_unit_test(kpi_clock_test USES otk_core SOURCES world.c)
otk_unit_test(kpi_promise_test USES otk_core SOURCES world.c)
