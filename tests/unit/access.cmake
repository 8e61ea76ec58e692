otk_unit_test(access_test USES otk_core)
